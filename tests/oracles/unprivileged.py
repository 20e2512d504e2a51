"""``python -m tests.oracles.unprivileged [NAME...]``: the comparison without root, in a user namespace of its own.

All scenarios, or those whose names begin with one of the words. The exit status is 0, 1 if there are differences that are not listed, 2 if
this system lets nobody but root make namespaces.
"""

from __future__ import annotations

import sys

from .namespaces import Untestable, become_root_of_a_user_namespace, missing


def main(words: list[str]) -> int:
    try:
        become_root_of_a_user_namespace()
    except OSError as error:
        print(f"a user namespace cannot be made here: {error.strerror}")
        return 2
    reason = missing("nft")
    if reason:
        print(reason)
        return 2
    # Late: numpy starts threads, and a process with threads may not enter a user namespace.
    from .linux import run
    from .scenarios import every

    compared = unlike = 0
    for scenario in every():
        if words and not scenario.name.startswith(tuple(words)):
            continue
        try:
            for comparison in run(scenario):
                compared += 1
                for difference in comparison.unknown():
                    unlike += 1
                    print(f"{comparison.name}: {difference}")
        except Untestable as untestable:
            print(f"{scenario.name}: not testable here: {untestable}")
    print(f"{compared} comparisons, {unlike} unlisted differences")
    return 1 if unlike else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
