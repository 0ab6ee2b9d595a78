"""The manifests keep the worker's promise: their numbers fit each other, and every Kubernetes accepts them."""

import json
from typing import Any

import kubernetes_validate
import pytest

from consumer import Settings
from consumer.core.queue import PARKING_DECLARATION, Queue
from deploy.monitoring.grafana import dashboard
from deploy.monitoring.rules import operators_rule
from tests.deploy.manifests import OVERLAYS, Resource, container_of, one, pod_of, rendered, template_of

VERSIONS = ("1.27", "1.31", "1.36")
CORE = ("", "apps", "policy", "networking.k8s.io", "rbac.authorization.k8s.io")
EXIT_MARGIN = 1
"""Seconds after the drain timeout within which the worker is gone, whatever a handler does (README)."""
BUSY_NODE = 5
"""Seconds of room, at the least, for a node on which the signal reaches the process late."""
WITH_PODS = ("base", "overlays/keda", "overlays/keda-jobs")


@pytest.fixture(params=WITH_PODS)
def workers(request: pytest.FixtureRequest) -> list[Resource]:
    return rendered(request.param)


@pytest.fixture
def settings(workers: list[Resource], monkeypatch: pytest.MonkeyPatch, bare_environment: object) -> Settings:
    for name, value in one("ConfigMap", workers)["data"].items():
        assert name.startswith("LASTCALL_")
        assert name.removeprefix("LASTCALL_").lower() in Settings.model_fields
        monkeypatch.setenv(name, value)
    return Settings.load()


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("overlay", OVERLAYS)
def test_core_kinds_are_valid_to_the_letter(overlay: str, version: str) -> None:
    for resource in rendered(overlay):
        group = resource["apiVersion"].rpartition("/")[0]
        if group in CORE:
            kubernetes_validate.validate(resource, version, strict=True)


def test_pods_of_jobs_are_valid_too() -> None:
    template = one("ScaledJob", rendered("overlays/keda-jobs"))["spec"]["jobTargetRef"]
    job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "any"}, "spec": template}

    for version in VERSIONS:
        kubernetes_validate.validate(job, version, strict=True)


def test_the_grace_period_holds_the_drain_and_the_exit_with_room_to_spare(
    workers: list[Resource], settings: Settings
) -> None:
    grace = pod_of(workers)["terminationGracePeriodSeconds"]

    assert grace >= settings.drain_timeout + EXIT_MARGIN + BUSY_NODE


def test_no_hook_eats_the_grace_period(workers: list[Resource]) -> None:
    assert "lifecycle" not in container_of(workers)
    assert "initContainers" not in pod_of(workers)


def test_probes_ask_the_port_that_the_worker_answers_on(workers: list[Resource], settings: Settings) -> None:
    [port] = container_of(workers)["ports"]
    probes = {kind: probe for kind, probe in container_of(workers).items() if kind.endswith("Probe")}

    assert settings.health == f"0.0.0.0:{port['containerPort']}"
    assert {probe["httpGet"]["port"] for probe in probes.values()} <= {port["name"]}


def test_the_startup_probe_waits_longer_than_the_worker_tries_to_connect() -> None:
    deployed = rendered("base")
    probe = container_of(deployed)["startupProbe"]

    assert probe["httpGet"]["path"] == "/startupz"
    allowed = probe["periodSeconds"] * probe["failureThreshold"]
    assert allowed > 2 * float(one("ConfigMap", deployed)["data"]["LASTCALL_CONNECT_TIMEOUT"])


def test_liveness_outlasts_a_drain_even_if_a_busy_node_answers_nothing() -> None:
    deployed = rendered("base")
    probe = container_of(deployed)["livenessProbe"]

    assert probe["httpGet"]["path"] == "/livez"
    until_killed = probe["periodSeconds"] * probe["failureThreshold"]
    assert until_killed >= pod_of(deployed)["terminationGracePeriodSeconds"]


def test_readiness_follows_at_once() -> None:
    probe = container_of(rendered("base"))["readinessProbe"]

    assert probe["httpGet"]["path"] == "/readyz"
    assert probe["failureThreshold"] == 1


def test_a_rollout_takes_no_worker_away_before_another_consumes() -> None:
    strategy = one("Deployment", rendered("base"))["spec"]["strategy"]

    assert strategy["rollingUpdate"]["maxUnavailable"] == 0


def test_pods_run_restricted(workers: list[Resource]) -> None:
    pod, inner = pod_of(workers), container_of(workers)["securityContext"]

    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] == 10001  # the image's: tests/deploy/test_image.py
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert inner == {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
    }
    assert pod["automountServiceAccountToken"] is False
    assert one("ServiceAccount", workers)["automountServiceAccountToken"] is False


def test_pods_of_jobs_are_those_of_the_deployment_but_for_what_restarts_and_waits() -> None:
    deployed, jobs = pod_of(rendered("base")), pod_of(rendered("overlays/keda-jobs"))
    probes = {"startupProbe", "livenessProbe", "readinessProbe"}

    assert jobs.pop("restartPolicy") == "Never"
    [inner], [jobs_inner] = deployed.pop("containers"), jobs.pop("containers")
    assert jobs == deployed
    assert jobs_inner.pop("args")[:2] == inner.pop("args")
    assert jobs_inner == {key: value for key, value in inner.items() if key not in probes}


def test_no_secret_is_in_a_manifest(workers: list[Resource]) -> None:
    assert "Secret" not in {each["kind"] for each in workers}
    assert not [value for value in one("ConfigMap", workers)["data"].values() if "://" in value]
    assert {"name": "amqp", "secret": {"secretName": "lastcall-amqp", "defaultMode": 0o440}} in pod_of(workers)[
        "volumes"
    ]


def test_the_network_policy_lets_health_in_and_names_and_the_broker_out(workers: list[Resource]) -> None:
    policy = one("NetworkPolicy", workers)["spec"]

    def ports(rules: list[Any]) -> set[tuple[str, int]]:
        return {(port["protocol"], port["port"]) for rule in rules for port in rule["ports"]}

    assert policy["policyTypes"] == ["Ingress", "Egress"]
    assert ports(policy["ingress"]) == {("TCP", 8080)}
    assert ports(policy["egress"]) == {("UDP", 53), ("TCP", 53), ("TCP", 5671), ("TCP", 5672)}


def test_selectors_find_the_pods(workers: list[Resource]) -> None:
    labels = template_of(workers)["metadata"]["labels"]
    selecting = [each["spec"] for each in [*workers, *rendered("overlays/monitoring")] if "spec" in each]
    selectors = [spec.get("selector") or spec.get("podSelector") for spec in selecting]

    assert {frozenset(each["matchLabels"].items()) for each in selectors if each} == {frozenset(labels.items())}


def test_keda_alone_sets_the_replicas_and_counts_unacked_messages() -> None:
    keda = rendered("overlays/keda")
    scaled = one("ScaledObject", keda)["spec"]
    [trigger] = scaled["triggers"]

    assert "replicas" not in one("Deployment", keda)["spec"]
    assert scaled["scaleTargetRef"]["name"] == one("Deployment", keda)["metadata"]["name"]
    assert trigger["metadata"]["protocol"] == "http"
    assert trigger["metadata"]["excludeUnacknowledged"] == "false"
    assert trigger["authenticationRef"]["name"] == one("TriggerAuthentication", keda)["metadata"]["name"]


def test_scaling_in_is_not_quicker_than_a_drain() -> None:
    keda = rendered("overlays/keda")
    behavior = one("ScaledObject", keda)["spec"]["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]["scaleDown"]

    assert behavior["stabilizationWindowSeconds"] > pod_of(keda)["terminationGracePeriodSeconds"]


def test_jobs_end_by_themselves_and_a_new_version_leaves_them_alone() -> None:
    job = one("ScaledJob", rendered("overlays/keda-jobs"))["spec"]
    args = container_of(rendered("overlays/keda-jobs"))["args"]

    assert {"--max-messages", "--idle-timeout"} <= {*args}
    assert job["rollout"]["strategy"] == "gradual"
    assert job["triggers"][0]["metadata"]["protocol"] == "http"


def test_the_cluster_has_the_queues_that_the_worker_would_declare() -> None:
    queues = {each["spec"]["name"]: each["spec"] for each in rendered("overlays/cluster") if each["kind"] == "Queue"}

    def declared(spec: dict[str, Any]) -> dict[str, object]:
        assert spec["durable"] is True
        assert spec["autoDelete"] is False
        return {"x-queue-type": spec["type"], **spec["arguments"]}

    assert declared(queues["orders"]) == Queue("orders").declaration
    assert declared(queues[Queue("orders").parking]) == PARKING_DECLARATION


def test_metrics_are_scraped_from_pods_that_drain_too() -> None:
    [endpoint] = one("PodMonitor", rendered("overlays/monitoring"))["spec"]["podMetricsEndpoints"]

    assert (endpoint["port"], endpoint["path"]) == ("health", "/metrics")


def test_the_dashboard_is_where_grafanas_sidecar_looks_for_it() -> None:
    kept = one("ConfigMap", rendered("overlays/monitoring"))

    assert kept["metadata"]["labels"]["grafana_dashboard"] == "1"
    assert json.loads(kept["data"]["lastcall.json"]) == dashboard()


def test_the_operator_gets_every_alert() -> None:
    assert one("PrometheusRule", rendered("overlays/monitoring")) == operators_rule()
