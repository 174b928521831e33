_fcinspect_completion() {
    local IFS=$'
'
    COMPREPLY=( $( env COMP_WORDS="${COMP_WORDS[*]}" \
                   COMP_CWORD=$COMP_CWORD \
                   _FCINSPECT_COMPLETE=complete_bash $1 2>/dev/null ) )
    return 0
}

complete -o default -F _fcinspect_completion fcinspect
