"""A scaler must see what is in flight, be the only one that sets the number, and leave running Jobs alone."""

from typing import Any

import pytest

from tests.check.subjects import GOOD, GOOD_SCALER, checked, codes, container, spoiled, the

TRIGGER = "spec.triggers.0.metadata"
JOB: dict[str, Any] = {
    "kind": "ScaledJob",
    "metadata": {"name": "orders"},
    "spec": {
        "rollout": {"strategy": "gradual"},
        "triggers": GOOD_SCALER["spec"]["triggers"],
        "jobTargetRef": {"template": GOOD["spec"]["template"]},
    },
}
ARGS = "spec.jobTargetRef.template.spec.containers.0.args"
ENDING = spoiled(JOB, ARGS, ["run", "orders:worker", "--max-messages", "200", "--idle-timeout", "10"])


def test_keda_over_http_is_fine() -> None:
    assert codes(checked(GOOD, GOOD_SCALER)) == []


@pytest.mark.parametrize(
    ("name", "value"), [("protocol", "amqp"), ("protocol", "AMQP"), ("excludeUnacknowledged", "true")]
)
def test_keda_is_to_count_unacked_messages(name: str, value: str) -> None:
    found = the("keda-amqp", checked(GOOD, spoiled(GOOD_SCALER, f"{TRIGGER}.{name}", value)))
    assert found.where.field == "spec.triggers[0]"


@pytest.mark.parametrize(
    ("host", "findings"),
    [
        ("amqp://u:p@rabbit/", ["keda-amqp"]),
        ("amqps://u:p@rabbit/", ["keda-amqp"]),
        ("https://u:p@rabbit/", ["keda-protocol"]),
        (None, ["keda-protocol"]),
    ],
)
@pytest.mark.parametrize("protocol", ["auto", None])
def test_a_protocol_that_is_not_said_goes_by_the_address(
    host: str | None, protocol: str | None, findings: list[str]
) -> None:
    scaler = spoiled(spoiled(GOOD_SCALER, f"{TRIGGER}.protocol", protocol), f"{TRIGGER}.host", host)
    assert codes(checked(GOOD, scaler)) == findings


def test_scalers_of_others_are_theirs() -> None:
    other = spoiled(spoiled(GOOD_SCALER, f"{TRIGGER}.protocol", "amqp"), f"{TRIGGER}.queueName", "mails")
    other = spoiled(other, "spec.scaleTargetRef.name", "mailer")
    assert codes(checked(GOOD, other)) == []


@pytest.mark.parametrize("kind", ["ScaledObject", "HorizontalPodAutoscaler"])
def test_replicas_are_the_scalers_alone(kind: str) -> None:
    scaler, fixed = {**GOOD_SCALER, "kind": kind}, spoiled(GOOD, "spec.replicas", 3)
    found = the("replicas-beside-scaler", checked(fixed, scaler))
    assert (found.severity, found.where.field) == ("warning", "spec.replicas")
    assert codes(checked(fixed)) == []


def test_a_scaled_job_that_ends_and_is_left_alone_is_fine() -> None:
    assert codes(checked(ENDING)) == []


def test_a_scaled_job_is_to_end_by_itself() -> None:
    assert codes(checked(JOB)) == ["scaledjob-endless"]


@pytest.mark.parametrize("strategy", ["default", None])
def test_a_change_is_to_leave_running_jobs_alone(strategy: str | None) -> None:
    assert codes(checked(spoiled(ENDING, "spec.rollout.strategy", strategy))) == ["scaledjob-rollout"]


def test_a_trigger_of_a_scaled_job_is_held_to_the_same() -> None:
    assert codes(checked(spoiled(ENDING, f"{TRIGGER}.protocol", "amqp"))) == ["keda-amqp"]


def test_a_container_beside_the_worker_is_none_of_ours() -> None:
    with_sidecar = spoiled(
        GOOD,
        "spec.template.spec.containers",
        [
            *GOOD["spec"]["template"]["spec"]["containers"],
            {"name": "proxy", "command": ["sh", "-c", "proxy"]},
        ],
    )
    assert codes(checked(with_sidecar)) == []
    assert codes(checked(container("command", ["sh", "-c", "lastcall"], with_sidecar))) == ["shell-entrypoint"]
