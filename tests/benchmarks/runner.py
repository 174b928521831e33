"""Run commands in turn and print what each run cost; reads and writes JSON, imports little."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time


def cost(command: list[str], wanted: int = 0) -> dict[str, float]:
    """Run a command once; it must end with the `wanted` status."""
    start = time.perf_counter()
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != wanted:
        raise RuntimeError(f"{command} ended with status {process.returncode}")
    unit = 1 if sys.platform == "darwin" else 1024
    return {"seconds": seconds, "peak_bytes": usage.ru_maxrss * unit}


def main() -> None:
    """Run the commands of standard input, each once to warm up, then in turn."""
    asked = json.load(sys.stdin)
    commands = list(zip(asked["commands"], asked["statuses"], strict=True))
    for command, status in commands:
        cost(command, status)
    pairs = [[cost(*command) for command in commands] for _ in range(asked["runs"])]
    json.dump(pairs, sys.stdout)


if __name__ == "__main__":
    main()
