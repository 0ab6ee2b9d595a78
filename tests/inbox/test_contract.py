"""What every inbox promises about claims, whichever store it writes to."""

import asyncio
from collections import Counter

import pytest

from consumer.errors import ConfigurationError
from consumer.inbox import Claim
from tests.inbox.conftest import OpenInbox
from tests.inbox.sides import Store
from tests.inbox.waiting import taken_over, until

A, B = "worker-a", "worker-b"
AWKWARD_KEYS = ["", "nul\0", "nul\\0", "back\\slash", "\udc80 lone", "\\udc80 lone", "Ü☃", "x" * 512, "%s {0} ' \" ;"]


async def test_a_message_is_granted_to_one_owner_and_held_for_others(store: Store, opened: OpenInbox) -> None:
    one, other = await opened(store.inbox()), await opened(store.inbox())
    assert await one.claim("orders/1", A) is Claim.GRANTED
    assert await other.claim("orders/1", B) is Claim.HELD
    assert await other.claim("orders/2", B) is Claim.GRANTED


async def test_the_same_owner_is_granted_again(store: Store, opened: OpenInbox) -> None:
    inbox = await opened(store.inbox())
    assert [await inbox.claim("orders/1", A) for _ in range(3)] == [Claim.GRANTED] * 3


async def test_a_completed_message_is_completed_for_everybody(store: Store, opened: OpenInbox) -> None:
    inbox = await opened(store.inbox())
    await inbox.claim("orders/1", A)
    assert await inbox.complete("orders/1", A)
    assert await inbox.claim("orders/1", A) is Claim.COMPLETED
    assert await inbox.claim("orders/1", B) is Claim.COMPLETED


async def test_completing_twice_is_completing_once(store: Store, opened: OpenInbox) -> None:
    inbox = await opened(store.inbox())
    await inbox.claim("orders/1", A)
    assert [await inbox.complete("orders/1", A) for _ in range(2)] == [True, True]


async def test_what_nobody_claimed_is_not_completed(store: Store, opened: OpenInbox) -> None:
    inbox = await opened(store.inbox())
    assert not await inbox.complete("orders/1", A)
    assert await inbox.claim("orders/1", B) is Claim.GRANTED


async def test_a_released_message_is_free_at_once(store: Store, opened: OpenInbox) -> None:
    inbox = await opened(store.inbox())
    await inbox.claim("orders/1", A)
    await inbox.release("orders/1", A)
    assert await inbox.claim("orders/1", B) is Claim.GRANTED


async def test_only_the_owner_releases(store: Store, opened: OpenInbox) -> None:
    inbox = await opened(store.inbox())
    await inbox.claim("orders/1", A)
    await inbox.release("orders/1", B)
    assert await inbox.claim("orders/1", B) is Claim.HELD


async def test_a_release_leaves_a_completed_message_completed(store: Store, opened: OpenInbox) -> None:
    inbox = await opened(store.inbox())
    await inbox.claim("orders/1", A)
    await inbox.complete("orders/1", A)
    await inbox.release("orders/1", A)
    assert await inbox.claim("orders/1", B) is Claim.COMPLETED


async def test_of_fifty_who_ask_at_once_over_three_inboxes_one_is_granted(store: Store, opened: OpenInbox) -> None:
    inboxes = [await opened(store.inbox()) for _ in range(3)]
    for key in ("orders/1", "orders/2", "orders/3"):
        answers = await asyncio.gather(*(inboxes[n % 3].claim(key, f"worker-{n}") for n in range(50)))
        assert Counter(answers) == {Claim.GRANTED: 1, Claim.HELD: 49}


async def test_an_expired_claim_is_taken_over_by_one_of_many(store: Store, opened: OpenInbox) -> None:
    inbox = await opened(store.inbox(lease=0.2, keep=60))
    await inbox.claim("orders/1", A)
    await inbox.claim("witness", A)
    await taken_over(inbox, "witness", B)  # claimed later, so the other's lease has ended too
    answers = await asyncio.gather(*(inbox.claim("orders/1", f"worker-{n}") for n in range(20)))
    assert Counter(answers) == {Claim.GRANTED: 1, Claim.HELD: 19}


async def test_a_claim_that_was_taken_over_completes_nothing(store: Store, opened: OpenInbox) -> None:
    stalled, quick = await opened(store.inbox(lease=0.2, keep=60)), await opened(store.inbox(lease=60))
    await stalled.claim("orders/1", A)
    await taken_over(quick, "orders/1", B)
    assert not await stalled.complete("orders/1", A)
    await stalled.release("orders/1", A)
    assert await stalled.claim("orders/1", A) is Claim.HELD
    assert await quick.complete("orders/1", B)


async def test_an_expired_claim_that_nobody_took_over_still_completes(store: Store, opened: OpenInbox) -> None:
    inbox = await opened(store.inbox(lease=0.2, keep=60))
    await inbox.claim("orders/1", A)
    await inbox.claim("witness", A)
    await taken_over(inbox, "witness", B)
    assert await inbox.complete("orders/1", A)
    assert await inbox.claim("orders/1", B) is Claim.COMPLETED


async def test_a_renewed_claim_stands(store: Store, opened: OpenInbox) -> None:
    inbox = await opened(store.inbox(lease=1, keep=60))
    await inbox.claim("orders/1", A)
    await inbox.claim("witness", A)

    async def witness_is_free() -> bool:
        assert await inbox.renew(["orders/1"], A) == {"orders/1"}
        return await inbox.claim("witness", B) is Claim.GRANTED

    await until(witness_is_free)
    assert await inbox.claim("orders/1", B) is Claim.HELD


async def test_a_renewal_says_what_is_still_ours(store: Store, opened: OpenInbox) -> None:
    inbox = await opened(store.inbox(lease=0.2, keep=60))
    for key in ("taken over", "completed", "running", "released"):
        await inbox.claim(key, A)
    await taken_over(inbox, "taken over", B)
    await inbox.complete("completed", A)
    await inbox.release("released", A)
    asked = ["taken over", "completed", "running", "released", "never claimed"]
    assert await inbox.renew(asked, A) == {"completed", "running"}
    assert await inbox.renew([], A) == set()


async def test_a_renewal_uncompletes_nothing(store: Store, opened: OpenInbox) -> None:
    inbox = await opened(store.inbox())
    await inbox.claim("orders/1", A)
    await inbox.complete("orders/1", A)
    await inbox.renew(["orders/1"], A)
    assert await inbox.claim("orders/1", B) is Claim.COMPLETED


async def test_any_message_id_makes_a_key_of_its_own(store: Store, opened: OpenInbox) -> None:
    inbox = await opened(store.inbox())
    assert [await inbox.claim(key, A) for key in AWKWARD_KEYS] == [Claim.GRANTED] * len(AWKWARD_KEYS)
    assert await inbox.renew(AWKWARD_KEYS, A) == set(AWKWARD_KEYS)
    assert await inbox.complete(AWKWARD_KEYS[1], A)
    assert [key for key in AWKWARD_KEYS if await inbox.claim(key, A) is Claim.COMPLETED] == [AWKWARD_KEYS[1]]
    for key in AWKWARD_KEYS:
        await inbox.release(key, A)


async def test_a_completed_message_is_forgotten_in_the_end(store: Store, opened: OpenInbox) -> None:
    inbox = await opened(store.inbox(lease=0.1, keep=0.2))
    for n in range(20):
        await inbox.claim(f"orders/{n}", A)
        await inbox.complete(f"orders/{n}", A)

    async def forgotten() -> bool:
        await inbox.claim("passing", B)  # inboxes purge in passing
        return store.rows() <= 1

    await until(forgotten)
    assert await inbox.claim("orders/1", B) is Claim.GRANTED


async def test_a_cancelled_call_leaves_the_inbox_usable(store: Store, opened: OpenInbox) -> None:
    inbox = await opened(store.inbox())
    for n in range(30):
        asked = asyncio.ensure_future(inbox.claim(f"orders/{n}", A))
        for _ in range(n % 10):
            await asyncio.sleep(0)
        asked.cancel()
        await asyncio.wait([asked])
    assert [await inbox.claim(f"orders/{n}", A) for n in range(30)] == [Claim.GRANTED] * 30


@pytest.mark.parametrize("terms", [{"lease": 0}, {"lease": 60, "keep": 59}, {"timeout": 0}])
async def test_terms_that_make_no_sense_are_refused_by_name(store: Store, terms: dict[str, float]) -> None:
    with pytest.raises(ConfigurationError, match=f"{list(terms)[-1]}="):
        store.inbox(**terms)
