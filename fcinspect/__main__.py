"""Run fcinspect as ``python -m fcinspect``."""

from fcinspect.cli import main

if __name__ == "__main__":
    main()
