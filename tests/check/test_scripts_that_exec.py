"""A script in which the worker takes the shell's place is fine, however it is written; a shell that stays is found."""

import pytest

from tests.check.subjects import checked, codes, container, the

RUN = "lastcall run orders:worker"


def sh(script: str, shell: str = "sh") -> dict[str, object]:
    """The Deployment, started by that script alone."""
    return container("command", [shell, "-c", script], container("args", None))


@pytest.mark.parametrize(
    "script",
    [
        f"exec {RUN} 2>&1",
        f"exec {RUN} &>/dev/stdout",
        f"exec {RUN} >>/log 2>/dev/null </dev/null",
        "set -e\nexec lastcall run \\\n  orders:worker \\\n  --prefetch 10\n",
        f"exec {RUN}\n# the end\n",
        f"exec {RUN} # go; now",
        f"# don't wait; go\nexec {RUN}",
        f"if a; then exec {RUN}; else exec {RUN} --prefetch 10; fi",
        f"if a\nthen export B=1\nfi\nexec {RUN}",
        f"{{ exec {RUN}; }}",
        f"A=1 exec {RUN}",
        f"exec env A=1 {RUN}",
        f'exec {RUN} --amqp-url "amqp://h/?a=1&b=2"',
        f'exec {RUN} --queue-prefix "$(hostname | cut -c1)"',
        f"exec {RUN} --queue-prefix 'a#b;c' --amqp-url amqp://h/#x",
        f"cd /srv || exit 1; exec {RUN}",
        f"exec {RUN} || exit 1",
        f"cat <<E >/x\nexec foo\nE\nexec {RUN}",
        f'main() {{\n  exec {RUN}\n}}\nmain "$@"',
        'exec "$@"',
        "",
    ],
)
def test_a_worker_that_takes_the_shells_place_is_fine(script: str) -> None:
    assert "shell-entrypoint" not in codes(checked(sh(script)))


@pytest.mark.parametrize(
    "script",
    [
        f"exec >/log 2>&1; {RUN}",
        f"{RUN}; exec 3>&-",
        f"{RUN} & exec sleep infinity",
        f"exec {RUN} | tee /log",
        f"exec {RUN} &\nwait",
        f"(exec {RUN})",
        f"if exec migrate; then {RUN}; fi",
        f"exec sh -c '{RUN}; true'",
        f"trap - TERM; {RUN}",
        f"trap '' TERM; {RUN}",
        f"trap : TERM; {RUN}",
        f"trap 'exit 0' SIGTERM\n{RUN} 2>&1",
        f"trap 'kill -TERM $!' INT TERM; migrate && {RUN}; cleanup",
        f"trap : TERM; {RUN} &>/log",
        f"trap 'rm /tmp/x' EXIT; {RUN}",
        f"while true; do {RUN}; done",
    ],
)
def test_a_shell_that_stays_is_found_whatever_else_is_in_the_script(script: str) -> None:
    the("shell-entrypoint", checked(sh(script)))


@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_a_trap_that_waits_for_a_worker_in_the_foreground_is_told_of(shell: str) -> None:
    found = the("shell-entrypoint", checked(sh(f"trap 'kill -TERM $P' TERM; {RUN}; true", shell)))
    assert "only when the command in the foreground has ended" in found.why
    assert "no handler for SIGTERM" in the("shell-entrypoint", checked(sh(f"trap '' TERM; {RUN}"))).why


@pytest.mark.parametrize(
    "before",
    [
        ["busybox", "sh"],
        ["/usr/bin/env", "sh"],
        ["env", "-i", "A=1", "sh"],
        ["gosu", "app", "sh"],
        ["su-exec", "app", "ash"],
        ["tini", "-e", "143", "--", "sh"],
        ["tini", "--", "gosu", "app", "sh"],
        ["dumb-init", "-c", "--", "sh"],
        ["dumb-init", "--single-child", "sh"],
    ],
)
def test_a_shell_behind_what_signals_it_alone_is_found(before: list[str]) -> None:
    command = [*before, "-c", RUN]
    the("shell-entrypoint", checked(container("command", command, container("args", None))))
    assert codes(checked(container("command", [*before, "-c", f"exec {RUN}"], container("args", None)))) == []


def test_a_bash_that_has_a_single_command_takes_itself_out_of_the_way() -> None:
    """From 5.0 on; dash and busybox don't."""
    assert codes(checked(sh(RUN, "bash"))) == []
    the("shell-entrypoint", checked(sh(RUN, "dash")))
    the("shell-entrypoint", checked(sh(f"{RUN} & wait", "bash")))


@pytest.mark.parametrize(
    ("script", "shell"),
    [
        (f"migrate && {RUN}", "bash"),
        (f"{RUN} >/log", "bash"),
        (f"trap 'kill -TERM $P' TERM; {RUN} & P=$!; wait", "sh"),
        (f"trap 'kill -TERM $P' TERM; {{ {RUN}; }} & P=$!; wait", "sh"),
        (f"trap 'kill -TERM $P' TERM; if a; then {RUN}; fi & P=$!; wait", "sh"),
        (f"go() {{ {RUN}; }}; trap 'kill -TERM $P' TERM; go & P=$!; wait $P", "sh"),
        (f"trap 'kill -TERM $P' TERM; coproc {RUN}; wait", "bash"),
        (f"trap : TERM; {RUN}", "bash"),
        (f"{RUN} 'x", "sh"),
        (f"case $A in a) exec {RUN};; *) {RUN};; esac", "sh"),
        (f"{RUN} --prefetch `cat x | head`", "sh"),
    ],
)
def test_what_a_shell_does_that_cannot_be_told_is_said_to_be_unknown(script: str, shell: str) -> None:
    report = checked(sh(script, shell))
    assert codes(report) == []
    assert any(each.what.startswith("whether the shell before") for each in report.unchecked)


@pytest.mark.parametrize(
    "script",
    [
        f"DB_PW=hunter2 {RUN}",
        f"curl -u user:hunter2 http://config && {RUN}",
        f"{RUN} --token hunter2",
        f"vault login -phunter2; {RUN} --amqp-url amqp://u:hunter2@h/",
        "export PASSWORD='hunter2 or so'; python work.py hunter2",
    ],
)
def test_nothing_of_a_script_is_shown_but_what_it_starts(script: str) -> None:
    found = the("shell-entrypoint", checked(sh(script)))
    assert "hunter2" not in found.what
    assert found.what.endswith(("shell: lastcall run orders:worker", "shell: python"))
