"""A delivery is in exactly one state, and is settled at most once, only on its lease."""

from itertools import product
from typing import TypeAlias

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, MultipleResults, RuleBasedStateMachine, consumes, invariant, multiple, rule

from consumer.core.delivery import Message
from consumer.core.ledger import TABLE, UNSETTLED, Entry, IllegalMoveError, Ledger, Move, State

Entries: TypeAlias = Entry | MultipleResults[Entry]
MESSAGE = Message(b"", "orders")
FINAL = {State.ACKED, State.REQUEUED, State.LOST}


def entry_in(state: State) -> tuple[Ledger, Entry]:
    """A ledger with one delivery, brought into this state by legal moves."""
    ledger = Ledger()
    entry = ledger.receive(1, 1, MESSAGE)
    if state in {State.IN_FLIGHT, State.STALE}:
        ledger.start(entry)
    if state in {State.STALE, State.LOST}:
        ledger.lose(1)
    if state is State.ACKED:
        ledger.ack(entry)
    if state is State.REQUEUED:
        ledger.requeue(entry)
    assert entry.state is state
    return ledger, entry


def make(ledger: Ledger, entry: Entry, move: Move) -> object:
    return {Move.START: ledger.start, Move.ACK: ledger.ack, Move.REQUEUE: ledger.requeue}[move](entry)


@pytest.mark.parametrize(
    ("state", "move"), list(product(State, [Move.START, Move.ACK, Move.REQUEUE])), ids=lambda value: value.name.lower()
)
def test_a_legal_move_leads_where_the_table_says_and_an_illegal_one_raises_and_changes_nothing(
    state: State, move: Move
) -> None:
    ledger, entry = entry_in(state)
    before = list(ledger.unsettled())
    if state in TABLE[move]:
        make(ledger, entry, move)
        assert entry.state is TABLE[move][state]
    else:
        with pytest.raises(IllegalMoveError, match=f"{move.name} on a delivery that is {state.name}"):
            make(ledger, entry, move)
        assert entry.state is state
        assert list(ledger.unsettled()) == before


@pytest.mark.parametrize("move", [Move.ACK, Move.REQUEUE])
def test_the_broker_is_told_only_of_what_its_lease_still_holds(move: Move) -> None:
    for state, told in ((State.PREFETCHED, True), (State.IN_FLIGHT, True), (State.STALE, False)):
        ledger, entry = entry_in(state)
        assert make(ledger, entry, move) is told


def test_final_states_are_final_and_closed() -> None:
    for state in State:
        _, entry = entry_in(state)
        assert entry.open is (state not in FINAL)
        assert any(state in moves for moves in TABLE.values()) is entry.open


def test_a_tag_that_comes_twice_on_a_lease_is_a_defect_and_on_two_leases_is_none() -> None:
    ledger = Ledger()
    ledger.receive(1, 7, MESSAGE)
    ledger.receive(2, 7, MESSAGE)
    with pytest.raises(IllegalMoveError, match="tag 7 came twice on lease 1"):
        ledger.receive(1, 7, MESSAGE)


def test_losing_a_lease_touches_no_other() -> None:
    ledger = Ledger()
    kept, lost, running = (ledger.receive(lease, tag, MESSAGE) for lease, tag in ((1, 1), (2, 1), (2, 2)))
    ledger.start(running)
    assert ledger.lose(2) == [lost, running]
    assert (kept.state, lost.state, running.state) == (State.PREFETCHED, State.LOST, State.STALE)
    assert list(ledger.unsettled()) == [kept]
    assert ledger.lose(2) == []


class LedgerMachine(RuleBasedStateMachine):
    """Whatever happens, in whatever order, beside a model that knows only sets."""

    entries: Bundle[Entry] = Bundle("entries")
    running: Bundle[Entry] = Bundle("running")
    settled: Bundle[Entry] = Bundle("settled")

    def __init__(self) -> None:
        super().__init__()
        self.ledger = Ledger()
        self.tags: dict[int, int] = {}
        self.lost: set[int] = set()
        self.outstanding: set[tuple[int, int]] = set()
        self.told: set[tuple[int, int]] = set()

    @rule(target=entries, lease=st.integers(1, 3))
    def receive(self, lease: int) -> Entries:
        if lease in self.lost:
            return multiple()
        tag = self.tags[lease] = self.tags.get(lease, 0) + 1
        self.outstanding.add((lease, tag))
        return self.ledger.receive(lease, tag, MESSAGE)

    @rule(target=running, entry=consumes(entries))
    def start(self, entry: Entry) -> Entries:
        if entry.lease in self.lost:
            with pytest.raises(IllegalMoveError):
                self.ledger.start(entry)
            return multiple()
        self.ledger.start(entry)
        return entry

    @rule(target=settled, entry=consumes(entries) | consumes(running), ack=st.booleans())
    def settle(self, entry: Entry, ack: bool) -> Entries:
        settle = self.ledger.ack if ack else self.ledger.requeue
        key = (entry.lease, entry.tag)
        if entry.state is State.LOST:
            with pytest.raises(IllegalMoveError):
                settle(entry)
            return entry
        tells = settle(entry)
        assert tells is (entry.lease not in self.lost)
        if tells:
            assert key not in self.told
            self.told.add(key)
            self.outstanding.remove(key)
        return entry

    @rule(entry=settled, ack=st.booleans())
    def settle_again(self, entry: Entry, ack: bool) -> None:
        before = entry.state
        with pytest.raises(IllegalMoveError):
            (self.ledger.ack if ack else self.ledger.requeue)(entry)
        assert entry.state is before

    @rule(lease=st.integers(1, 3))
    def lose(self, lease: int) -> None:
        gone = {(entry.lease, entry.tag) for entry in self.ledger.lose(lease)}
        assert gone == {key for key in self.outstanding if key[0] == lease}
        self.outstanding -= gone
        self.lost.add(lease)

    @invariant()
    def what_the_broker_waits_for_is_what_is_unsettled(self) -> None:
        unsettled = list(self.ledger.unsettled())
        assert {(entry.lease, entry.tag) for entry in unsettled} == self.outstanding
        assert len(unsettled) == len(self.outstanding)
        assert all(entry.state in UNSETTLED for entry in unsettled)


TestLedger = LedgerMachine.TestCase


def test_the_lowest_unsettled_tag_of_a_lease_is_known_whatever_the_order() -> None:
    ledger = Ledger()
    entries = [ledger.receive(1, tag, Message(b"", "orders")) for tag in (1, 2, 3)]
    ledger.receive(2, 1, Message(b"", "orders"))
    lowest = [ledger.lowest(1)]
    for entry in (entries[1], entries[0], entries[2]):
        ledger.start(entry)
        ledger.ack(entry)
        lowest.append(ledger.lowest(1))
    assert lowest == [1, 1, 3, None]
    assert ledger.lowest(3) is None
