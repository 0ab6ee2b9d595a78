"""One drill from its first worker to its verdict.

May know: every part of the drill. May not know: where the broker comes from, how progress is shown.
"""

import asyncio
import time
from collections.abc import Callable, Sequence

from consumer.errors import ConfigurationError, PublishFailed
from consumer.testing.drill.fleet import Fleet, Process
from consumer.testing.drill.journal import Journal
from consumer.testing.drill.options import DrillBroker, DrillError, DrillOptions, Stage
from consumer.testing.drill.payloads import DrillMessage, HandlerView, drill_messages
from consumer.testing.drill.plan import ScaleDown, schedule
from consumer.testing.drill.progress import Progress, Scoreboard
from consumer.testing.drill.verdict import Verdict, judge

TICK = 0.02  # seconds between two looks at the journal
FALLS = 10  # so many workers may die unasked before the drill ends

OnProgress = Callable[[Progress], None]


async def drill(
    options: DrillOptions,
    stage: Stage,
    handlers: Sequence[HandlerView],
    broker: DrillBroker,
    on_progress: OnProgress,
) -> Verdict:
    """Publish, scale down and up, and judge. Leaves no process and no queue behind.

    Raises:
        ConfigurationError: There is nothing to publish for a handler, or a worker refuses its settings.
        DrillError: A worker can't start, or the broker takes no messages.
    """
    messages = drill_messages(handlers, count=options.messages, seed=options.seed, payload_file=options.payload_file)
    fleet = Fleet(stage.worker_arguments(options), {"LASTCALL_AMQP_URL": stage.amqp_url}, stage.logs)
    try:
        with Journal(stage.events) as journal:
            async with fleet:
                return await _Drill(options, messages, broker, fleet, journal, on_progress).run()
    finally:
        for handler in handlers:
            await broker.delete(handler.queue.name)
            await broker.delete(handler.queue.parking)


class _CutShortError(Exception):
    """The drill is cut short; what was seen so far is judged."""


class _Drill:
    def __init__(
        self,
        options: DrillOptions,
        messages: Sequence[DrillMessage],
        broker: DrillBroker,
        fleet: Fleet,
        journal: Journal,
        on_progress: OnProgress,
    ) -> None:
        self._options = options
        self._messages = messages
        self._broker = broker
        self._fleet = fleet
        self._journal = journal
        self._on_progress = on_progress
        self._board = Scoreboard(frozenset(message.id for message in messages))
        self._published: list[str] = []
        self._scale_downs_done = 0
        self._replaced: set[int] = set()
        self._last_move = (0, time.monotonic())

    async def run(self) -> Verdict:
        began = time.monotonic()
        cut_short = await self._until_cut_short()
        await self._fleet.kill()
        self._look()
        return judge(
            published=self._published,
            records=self._board.records,
            signals=[process.asked for process in self._fleet.processes if process.asked],
            exits=[process.left for process in self._fleet.processes if process.left],
            duration=time.monotonic() - began,
            cut_short=cut_short,
        )

    async def _until_cut_short(self) -> str | None:
        try:
            await self._work()
            await self._send_all_home()
        except _CutShortError as stop:
            return str(stop)
        return None

    async def _work(self) -> None:
        for _ in range(self._options.workers):
            await self._fleet.start()
        options = self._options
        plan = schedule(seed=options.seed, messages=options.messages, scale_downs=options.scale_downs)
        for step in plan:
            await self._scale_down(step)
        await self._keep_alive_until(self._all_consume)
        await self._publish(options.messages)
        await self._keep_alive_until(lambda: self._completed() == options.messages)

    async def _scale_down(self, step: ScaleDown) -> None:
        """One worker leaves while there is work; the next one is started at once."""
        await self._keep_alive_until(self._all_consume)
        await self._publish(step.publish)
        await self._keep_alive_until(lambda: self._completed() >= step.after and self._all_consume())
        self._fleet.stop(step.victim(self._consuming()))
        self._scale_downs_done += 1
        await self._fleet.start()

    async def _send_all_home(self) -> None:
        for process in self._fleet.running():
            if process.asked is None:
                self._fleet.stop(process)
        while self._fleet.running():
            await self._tick()

    async def _publish(self, up_to: int) -> None:
        batch = self._messages[len(self._published) : up_to]
        sends = [self._broker.publish(each.queue, each.id, each.body) for each in batch]
        try:
            async with asyncio.timeout(self._options.patience):
                await asyncio.gather(*sends)
        except (PublishFailed, TimeoutError) as error:
            raise DrillError(f"The broker didn't take the drill's messages: {error!r}") from error
        self._published += [message.id for message in batch]

    def _consuming(self) -> list[Process]:
        return [each for each in self._fleet.running() if self._board.state(each) == "consuming"]

    def _all_consume(self) -> bool:
        return len(self._consuming()) == self._options.workers

    def _completed(self) -> int:
        return len(self._board.done)

    async def _keep_alive_until(self, reached: Callable[[], bool]) -> None:
        while not reached():
            await self._replace_the_fallen()
            await self._tick()

    async def _replace_the_fallen(self) -> None:
        self._look()
        for process in list(self._fleet.processes):
            if process.left and not process.asked and process.number not in self._replaced:
                self._refuse_a_false_start(process, process.left.code)
                self._replaced.add(process.number)
                await self._fleet.start()

    def _refuse_a_false_start(self, process: Process, code: int) -> None:
        if not self._board.was_ready(process):
            kind = ConfigurationError if code == 2 else DrillError
            raise kind(f"A worker can't start: it left with exit code {code}.\n\n{process.last_words()}")
        if len(self._replaced) == FALLS:
            raise _CutShortError(f"{FALLS} workers died without being told to; the last one with exit code {code}")

    async def _tick(self) -> None:
        self._look()
        now = time.monotonic()
        moves = self._board.moves + sum(process.left is not None for process in self._fleet.processes)
        if moves != self._last_move[0]:
            self._last_move = (moves, now)
        elif now - self._last_move[1] > self._options.patience:
            raise _CutShortError(f"nothing moved for {self._options.patience:g} s")
        await asyncio.sleep(TICK)

    def _look(self) -> None:
        self._board.take(self._journal.read_new())
        self._on_progress(
            Progress(
                messages=self._options.messages,
                published=len(self._published),
                completed=self._completed(),
                scale_downs=self._options.scale_downs,
                scale_downs_done=self._scale_downs_done,
                workers=self._board.rows(self._fleet.processes),
            )
        )
