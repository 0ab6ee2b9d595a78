"""The worker's life is the table, the whole table, and the page that shows it."""

from itertools import product
from pathlib import Path

import pytest

from consumer.core.lifecycle import TABLE, Happening, IllegalPhaseError, Lifecycle, Phase, diagram

PAGE = Path(__file__).parents[2] / "docs" / "lifecycle.md"


@pytest.mark.parametrize(("phase", "happening"), list(product(Phase, Happening)), ids=lambda value: value.name.lower())
def test_what_the_table_allows_moves_and_all_else_raises_and_changes_nothing(
    phase: Phase, happening: Happening
) -> None:
    life = Lifecycle()
    life.phase = phase
    if (phase, happening) in TABLE:
        assert life.move(happening) is TABLE[phase, happening] is life.phase
    else:
        with pytest.raises(IllegalPhaseError, match=f"{happening.name} while {phase.name}"):
            life.move(happening)
        assert life.phase is phase


def test_a_worker_begins_idle() -> None:
    assert Lifecycle().phase is Phase.IDLE


@pytest.mark.parametrize("phase", [phase for phase in Phase if phase is not Phase.IDLE])
def test_a_stop_may_come_in_every_phase_after_the_start(phase: Phase) -> None:
    assert (phase, Happening.STOP) in TABLE


@pytest.mark.parametrize("phase", [phase for phase in Phase if phase is not Phase.IDLE])
def test_a_connection_may_be_lost_in_every_phase_after_the_start(phase: Phase) -> None:
    assert (phase, Happening.LOST) in TABLE


def test_no_way_leads_from_the_drain_back_to_work() -> None:
    after_the_drain = [Phase.DRAINING, Phase.CLOSING, Phase.STOPPED]
    for (phase, _), target in TABLE.items():
        if phase in after_the_drain:
            assert target in after_the_drain[after_the_drain.index(phase) :]


@pytest.mark.parametrize("phase", Phase)
def test_every_phase_leads_to_the_end(phase: Phase) -> None:
    reached = {phase}
    for _ in Phase:
        reached |= {target for (source, _), target in TABLE.items() if source in reached}
    assert Phase.STOPPED in reached


def test_the_page_shows_the_diagram_of_the_table() -> None:
    shown = PAGE.read_text().split("```mermaid\n")[1].split("\n```")[0]
    assert shown == diagram(), "put in what `python -m consumer.core.lifecycle` prints"
