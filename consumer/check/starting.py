"""What starts the worker: does the stop signal reach it, and does it know its settings?

May know: what is looked at, shells. May not know: how it was read.
"""

import difflib
from collections.abc import Iterator

from consumer.check.finding import Finding, Rule, Unchecked
from consumer.check.links import service_links
from consumer.check.shells import fate, runs_file, script_of, shown, started, traps
from consumer.check.subject import Deployed, Subject
from consumer.check.wrappers import group_signaller

HEARD = frozenset({"SIGTERM", "SIGINT"})
NOT_STOPS = {"SIGKILL": "kills it", "SIGQUIT": "ends it at once", "SIGTSTP": "makes it quiet", "SIGCONT": "resumes it"}

SHELL = Rule(
    "shell-entrypoint",
    "error",
    "A shell starts the worker, and not by `exec`.",
    "The shell is PID 1 and has no handler for SIGTERM: the signal ends there (dash keeps a child even for a single "
    "command), and at the end of the grace period everything is killed, messages in flight and all. Behind an init the "
    "signal kills the shell, the init ends with it, and all else is killed at once.",
    'Use the exec form (`ENTRYPOINT ["lastcall"]`, `command: [lastcall, run, …]`), or let the script end in '
    "`exec lastcall run …`.",
)
TRAPPED = (
    "The shell is PID 1 and runs its trap for SIGTERM only when the command in the foreground has ended: the worker "
    "hears nothing, and at the end of the grace period everything is killed, messages in flight and all."
)
GROUP = Rule(
    "init-signals-all",
    "warning",
    "The init in front of the worker passes signals on to all that the worker has started.",
    "A program that a handler runs gets the stop signal too, and dies in the middle of what the drain waits for. "
    "(dumb-init makes SIGSTOP of SIGTSTP besides: a worker that is told to be quiet freezes.)",
    "Have it signal its one child: `dumb-init --single-child`, tini and catatonit without `-g`.",
)
SIGNAL = Rule(
    "stop-signal",
    "error",
    "The stop signal is one that does not drain the worker.",
    "What is sent to stop it kills it, does something else, or is not heard.",
    "Leave STOPSIGNAL (stop_signal, lifecycle.stopSignal) out, or name SIGTERM; LASTCALL_STOP_SIGNALS adds others.",
)
UNHEARD = Rule(
    "sigterm-unheard",
    "error",
    "The process that runs does not handle SIGTERM.",
    "The stop signal ends it at once (or, for PID 1, does nothing until SIGKILL): what it has in flight is run twice.",
    "Run it by `lastcall run` or worker.run(), or handle SIGTERM by worker.stop() where your program owns the signals.",
)
UNKNOWN = Rule(
    "unknown-setting",
    "warning",
    "A LASTCALL_ variable is no setting.",
    "It is ignored: what it was meant to change stays as it was.",
    "Correct its name (`lastcall run --help` has them all), or remove it.",
)
REFUSED = Rule(
    "wrong-setting",
    "error",
    "A setting in the manifests is refused.",
    "The worker would not start with it (exit code 2).",
    "Correct the value.",
)
RULES = (SHELL, GROUP, SIGNAL, UNHEARD, UNKNOWN, REFUSED)


def check(subject: Subject) -> Iterator[Finding | Unchecked]:
    """Look at every place, images too."""
    for each in subject.deployed:
        yield from _shell(each)
        yield from _init(each)
        yield from _signals(each)
        yield from _variables(each, subject.settings)
        for name, source in each.launch.unread.items():
            yield Unchecked(f"{name} of {each.launch.where}", f"its value is in {source}, which was not given")
    for where, text in subject.refused:
        yield REFUSED.found(where, text)


def _shell(each: Deployed) -> Iterator[Finding | Unchecked]:
    launch = each.launch
    script, file, its_fate = script_of(launch.command), runs_file(launch.command), fate(launch.command)
    if script is not None and its_fate == "stays":
        by_image = "" if launch.entrypoint or not launch.dockerfile else f" (by {launch.dockerfile})"
        told = f"It is started by a shell{by_image}: {shown(script)}"
        yield SHELL.found(launch.where, told, why=TRAPPED if traps(script) else None)
    elif script is not None and its_fate == "unknown":
        why = "it depends on the shell, or on what the script does with signals: start the worker by `exec`"
        yield Unchecked(f"whether the shell before {shown(script)} passes SIGTERM on ({launch.where})", why)
    elif file is not None:
        yield Unchecked(f"what {file} does ({launch.where})", "it is a script of yours: it must end in `exec`")


def _init(each: Deployed) -> Iterator[Finding]:
    launch = each.launch
    names = (group_signaller(words, launch.environment) for words in started(launch.command))
    name = next(filter(None, names), None)
    if name is not None:
        yield GROUP.found(launch.where, f"{name} signals the whole process group of the worker.")


def _signals(each: Deployed) -> Iterator[Finding]:
    launch = each.launch
    if launch.stop_signal is not None:
        name, where = launch.stop_signal
        if name not in HEARD | each.worker.stop_signals:
            yield SIGNAL.found(where, f"The stop signal is {name}: it {NOT_STOPS.get(name, 'is not handled')}.")
    if launch.caught is not None and "SIGTERM" not in launch.caught:
        yield UNHEARD.found(launch.where, "SIGTERM has no handler in it.")


def _variables(each: Deployed, settings: frozenset[str]) -> Iterator[Finding]:
    variables = each.launch.environment
    for name in sorted(variables.keys() - service_links(variables)):
        if not name.startswith("LASTCALL_"):
            continue
        setting = name.removeprefix("LASTCALL_").lower()
        if setting not in settings:
            near = difflib.get_close_matches(setting, settings, n=1)
            hint = f" Did you mean LASTCALL_{near[0].upper()}?" if near else ""
            yield UNKNOWN.found(each.launch.where, f"{name} is no setting.{hint}")
