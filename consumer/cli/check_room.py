"""Puts together what is looked at: a worker with the settings of each of its places, manifests, a process, a broker.

May know: workers, settings, what was read. May not know: rules, output, flags.
"""

import copy
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from consumer.check.book import examine
from consumer.check.documents import compose, pods, topology, vhosts
from consumer.check.documents.clusters import broker_timeout
from consumer.check.documents.document import at, text
from consumer.check.documents.images import by_themselves
from consumer.check.documents.scalers import scalers
from consumer.check.finding import Report, Unchecked, Where
from consumer.check.subject import Denied, Deployed, HandlerFacts, Launch, QueueSeen, Subject, WorkerFacts
from consumer.check.words import Told, is_open, told
from consumer.cli.check_broker import Looked, look
from consumer.cli.check_sources import Sources
from consumer.connecting import virtual_host
from consumer.errors import BrokerAway, BrokerRefused, ConfigurationError
from consumer.settings import Settings, named
from consumer.settings_sources import secret_fields
from consumer.worker import Worker

PATHS = frozenset({"tls_ca_file", "tls_cert_file", "tls_key_file"})
"""Settings that name files of the place that they are given in: nothing here can look at those."""
STORE = "the LASTCALL_ settings in "
"""How a ConfigMap, a Secret or a file is called that was not given."""


@dataclass(slots=True)
class Places:
    """Where the worker runs. `refused`: where it would not start."""

    deployed: list[Deployed] = field(default_factory=list)
    refused: list[tuple[Where, str]] = field(default_factory=list)
    unchecked: list[Unchecked] = field(default_factory=list)


def check(
    worker: Worker,
    target: str,
    sources: Sources,
    process: Launch | None,
    *,
    ask_broker: bool,
    consumer_timeout: float | None,
) -> Report:
    """Look at everything, and ask every rule. Raises ConfigurationError when the worker's own settings are wrong."""
    places = _places(worker, target, sources, process)
    here = Subject(tuple(places.deployed))
    handlers = here.handlers
    known = {each.worker.vhost for each in here.running}
    documents, of_others = vhosts.ours(sources.documents, known, facts(worker).vhost)
    of_queues = [*topology.queues(documents)]
    queues = [each for each in of_queues if isinstance(each, QueueSeen)]
    exchanges = [text(at(each.content, "spec", "name")) for each in documents if each.kind == "Exchange"]
    denied = [*topology.denied(documents, handlers, {*exchanges, *(each.name for each in queues)})]
    looked, trouble = _look(worker.settings, handlers, ask_broker=ask_broker)
    subject = Subject(
        deployed=tuple(places.deployed),
        scalers=tuple(scalers(documents)),
        queues=(*looked.queues, *queues),
        absent=tuple(looked.absent),
        denied=(*looked.denied, *(each for each in denied if isinstance(each, Denied))),
        consumer_timeout=_consumer_timeout(consumer_timeout, sources),
        refused=tuple(places.refused),
        settings=frozenset({*Settings.model_fields, *(f"{name}_file" for name in secret_fields(Settings))}),
    )
    left = [each for each in [*of_others, *of_queues, *denied] if isinstance(each, Unchecked)]
    return examine(subject, target, [*places.unchecked, *left, *looked.unchecked], trouble)


def _places(worker: Worker, target: str, sources: Sources, process: Launch | None) -> Places:
    places = Places(unchecked=list(sources.unchecked))
    images = sources.images
    found = [*pods.launches(sources.documents, target, images), *compose.launches(sources.documents, target, images)]
    alone = by_themselves(images, [each for each in found if isinstance(each, Launch)], target)
    referred = vhosts.referred(sources.documents)
    for each in [*found, *alone, *([process] if process else [])]:
        if isinstance(each, Unchecked):
            places.unchecked.append(each)
        else:
            elsewhere = {name for where, name in referred if each.workload and each.workload.where == where}
            _place(worker, target, each, elsewhere, places)
    if sources.documents and not any(each.launch.kind in {"pod", "service"} for each in places.deployed):
        places.unchecked.append(Unchecked("pods", f"no container in the manifests runs {target}"))
    if all(each.launch.kind == "image" for each in places.deployed):
        places.deployed.append(Deployed(Launch("here", Where()), facts(worker)))
    return places


def _place(worker: Worker, target: str, launch: Launch, referred: Collection[str], places: Places) -> None:
    """Where its settings are refused, all else is held to the worker's own. `referred`: its addresses of elsewhere."""
    what = told(launch.command, launch.environment, Settings.FLAGS, target)
    known = [(name, f"LASTCALL_{name.upper()}") for name in Settings.model_fields if not name.endswith("_url")]
    unread = {variable: "a variable" for name, variable in known if name in what.unread}
    told_of = {name: source for name, source in launch.unread.items() if not name.endswith("_URL")}
    there = replace(launch, environment=what.environment, unread={**told_of, **unread})
    places.unchecked += [
        Unchecked(f"{variable} of {launch.where}", "its script starts the worker in several ways, which differ in it")
        for name, variable in known
        if name in what.differing
    ]
    given = {name: what.settings[name] for name in Settings.model_fields if name in what.settings and name not in PATHS}
    address = _address(what, {*launch.unread, *referred} - launch.environment.keys())
    if address:
        given["amqp_url"] = address
    try:
        told_there = facts(worker, given)
        places.deployed.append(Deployed(there, told_there if address is not None else replace(told_there, vhost=None)))
    except ConfigurationError:
        values = {launch.environment[name] for name in launch.secret} - {""}
        secret = {name for name, value in given.items() if any(each in value for each in values)}
        places.refused += [(launch.where, each) for each in _refusals(worker, given, secret)]
        places.deployed.append(Deployed(there, facts(worker)))


def _address(what: Told, unread: Collection[str]) -> str | None:
    """What the place says of the broker's address; empty: nothing. None: it has one, and that is not known."""
    if "amqp_url" in what.settings:
        return what.settings["amqp_url"]
    own, file, plain = vhosts.ADDRESSES
    is_told = "amqp_url" in what.unread | what.differing or bool(what.environment.get(file))
    if is_told or own in unread or file in unread:
        return None
    address = what.environment.get(plain, "")
    may_be_told = plain in unread or any(name.startswith(STORE) for name in unread)
    return None if is_open(address) or (may_be_told and not address) else address


def facts(worker: Worker, overrides: Mapping[str, str] | None = None) -> WorkerFacts:
    """The worker with these laid over its settings, which stay as they are. Raises ConfigurationError."""
    there = copy.copy(worker)
    there.configure(**(overrides or {}))
    settings = there.settings
    handlers = [HandlerFacts(h.name, h.queue, h.concurrency, h.prefetch, h.timeout, h.retry) for h in there.handlers]
    return WorkerFacts(
        handlers=tuple(handlers),
        drain_timeout=settings.drain_timeout,
        connect_timeout=settings.connect_timeout,
        stop_signals=frozenset(name for name in settings.stop_signals.split(",") if name),
        bounded=settings.max_messages is not None or settings.idle_timeout is not None,
        vhost=None if settings.amqp_url == Settings.model_fields["amqp_url"].default else virtual_host(settings),
    )


def _refusals(worker: Worker, given: Mapping[str, str], secret: Collection[str]) -> list[str]:
    """What is wrong with these settings; of those whose values Secrets hold, without the value."""
    hidden = sorted(set(secret).difference(secret_fields(Settings)))  # of which no error shows the value
    refused = [each for each in hidden if _refusal(worker, {each: given[each]})]
    of_others = _refusal(worker, {name: value for name, value in given.items() if name not in hidden})
    told = [of_others, *(f"{named(each)}: what a Secret holds is refused." for each in refused)]
    return [each for each in told if each] or ["Its settings don't go together, those that a Secret holds among them."]


def _refusal(worker: Worker, given: Mapping[str, str]) -> str:
    try:
        facts(worker, given)
    except ConfigurationError as error:
        return str(error)
    return ""


def _consumer_timeout(given: float | None, sources: Sources) -> tuple[float, str] | None:
    return (given, "--consumer-timeout") if given is not None else broker_timeout(sources.documents)


def _look(settings: Settings, handlers: Sequence[HandlerFacts], *, ask_broker: bool) -> tuple[Looked, str | None]:
    if not ask_broker:
        why = "no broker was asked: its address can be given by --amqp-url, LASTCALL_AMQP_URL or AMQP_URL"
        return Looked(Where(), unchecked=[Unchecked("the queues on the broker, and what its user may do", why)]), None
    try:
        return look(settings, handlers), None
    except (BrokerAway, BrokerRefused) as error:
        why = "the broker could not be looked at"
        return Looked(Where(), unchecked=[Unchecked("the queues on the broker, and what its user may do", why)]), str(
            error
        )
