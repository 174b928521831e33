"""The diagram of a network in words: labels, the terminal, Mermaid, Graphviz, JSON and CSV."""
