"""A scaler must see what is in flight, be the only one that sets the number, and leave running Jobs alone."""

from base64 import b64encode
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


def secret(host: str, *, encoded: bool = True) -> dict[str, Any]:
    held = {"data": {"host": b64encode(host.encode()).decode()}} if encoded else {"stringData": {"host": host}}
    return {"kind": "Secret", "metadata": {"name": "rabbit"}, **held}


def opened(trigger: dict[str, Any], **told: object) -> dict[str, Any]:
    """The ScaledObject with a trigger that doesn't say its protocol."""
    metadata = {"queueName": "orders", **told}
    return spoiled(GOOD_SCALER, "spec.triggers", [{"type": "rabbitmq", "metadata": metadata, **trigger}])


OF_SECRET = {"name": "RABBIT", "valueFrom": {"secretKeyRef": {"name": "rabbit", "key": "host"}}}
FROM_ENV = opened({}, hostFromEnv="RABBIT")
BY_AUTH = opened({"authenticationRef": {"name": "keda"}})
AUTH: dict[str, Any] = {
    "kind": "TriggerAuthentication",
    "metadata": {"name": "keda"},
    "spec": {"secretTargetRef": [{"parameter": "host", "name": "rabbit", "key": "host"}]},
}
AUTH_BY_ENV = spoiled(AUTH, "spec", {"env": [{"parameter": "host", "name": "RABBIT", "containerName": "worker"}]})
HOSTS = [
    ("amqp://u:p@rabbit/", "keda-amqp"),
    ("AMQPS://u:p@rabbit/", "keda-amqp"),
    ("http://u:p@rabbit/", "keda-protocol"),
]


@pytest.mark.parametrize(("host", "code"), HOSTS)
def test_an_address_in_the_workers_environment_is_gone_by(host: str, code: str) -> None:
    plain = container("env", [{"name": "RABBIT", "value": host}], container("livenessProbe", None))
    for scaler in ((FROM_ENV,), (BY_AUTH, AUTH_BY_ENV)):
        assert codes(checked(plain, *scaler)) == [code]
    of_secret = container("env", [OF_SECRET], container("livenessProbe", None))
    for held in (secret(host), secret(host, encoded=False)):
        assert codes(checked(of_secret, FROM_ENV, held)) == [code]


@pytest.mark.parametrize(("host", "code"), HOSTS)
def test_an_address_in_a_secret_of_the_triggers_is_gone_by(host: str, code: str) -> None:
    found = the(code, checked(GOOD, BY_AUTH, AUTH, secret(host)))
    assert "u:p" not in f"{found}"


def test_the_container_that_keda_looks_at_is_the_one_that_is_named_or_the_first() -> None:
    [worker] = container("livenessProbe", None)["spec"]["template"]["spec"]["containers"]
    proxy = {"name": "proxy", "env": [{"name": "RABBIT", "value": "amqp://rabbit/"}]}
    pod = spoiled(GOOD, "spec.template.spec.containers", [worker, proxy])
    assert codes(checked(pod, FROM_ENV)) == ["keda-protocol"]
    assert codes(checked(pod, spoiled(FROM_ENV, "spec.scaleTargetRef.envSourceContainerName", "proxy"))) == [
        "keda-amqp"
    ]


@pytest.mark.parametrize(
    "documents",
    [
        (FROM_ENV,),
        (BY_AUTH,),
        (BY_AUTH, AUTH),
        (BY_AUTH, AUTH, spoiled(secret("amqp://h/"), "metadata.namespace", "elsewhere")),
        (BY_AUTH, AUTH, spoiled(secret("amqp://h/"), "data.host", "${HOST}")),
    ],
)
def test_an_address_that_is_elsewhere_is_one_that_may_change(documents: tuple[dict[str, Any], ...]) -> None:
    assert codes(checked(GOOD, *documents)) == ["keda-protocol"]


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
