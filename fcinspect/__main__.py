"""The entry point, also of ``python -m fcinspect``."""

from __future__ import annotations

import sys


def main() -> None:
    """Run fcinspect; Ctrl-C is quiet while its modules are loaded, too."""
    try:
        from fcinspect.cli import main as run

        run()
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
