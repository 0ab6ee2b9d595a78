"""What a worker needs to tell its pod's deletion cost is granted by one component, and nothing beyond that."""

from pathlib import Path

import pytest

from consumer import Settings
from consumer.observe.own_pod import GIVEN
from tests.deploy.manifests import (
    DELETION_COST,
    MANIFESTS,
    Resource,
    container_of,
    one,
    pod_of,
    rendered,
    with_component,
)


@pytest.fixture
def deployed() -> list[Resource]:
    return rendered("overlays/deletion-cost")


def test_it_is_base_and_a_role_for_patching_pods(deployed: list[Resource]) -> None:
    names = {(each["kind"], each["metadata"]["name"]) for each in deployed}
    base = {(each["kind"], each["metadata"]["name"]) for each in rendered("base")}

    assert names - base == {
        ("Role", "lastcall-orders-deletion-cost"),
        ("RoleBinding", "lastcall-orders-deletion-cost"),
    }
    assert one("Role", deployed)["rules"] == [{"apiGroups": [""], "resources": ["pods"], "verbs": ["patch"]}]


def test_the_role_is_bound_to_the_pods_service_account(deployed: list[Resource]) -> None:
    binding = one("RoleBinding", deployed)

    assert binding["roleRef"]["name"] == one("Role", deployed)["metadata"]["name"]
    assert [each["name"] for each in binding["subjects"]] == [pod_of(deployed)["serviceAccountName"]]


def test_the_worker_is_told_who_it_is_and_to_tell_its_cost(
    deployed: list[Resource], bare_environment: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = {each["name"]: each for each in container_of(deployed)["env"]}
    monkeypatch.setenv("LASTCALL_POD_DELETION_COST", told["LASTCALL_POD_DELETION_COST"]["value"])

    assert Settings.load().pod_deletion_cost is True
    assert told["POD_NAME"]["valueFrom"] == {"fieldRef": {"fieldPath": "metadata.name"}}
    assert told["POD_NAMESPACE"]["valueFrom"] == {"fieldRef": {"fieldPath": "metadata.namespace"}}


def test_a_token_and_the_ca_are_where_the_worker_looks_and_no_other_container_gets_them(
    deployed: list[Resource],
) -> None:
    [mount] = [each for each in container_of(deployed)["volumeMounts"] if each["mountPath"] == str(GIVEN)]
    [volume] = [each for each in pod_of(deployed)["volumes"] if each["name"] == mount["name"]]
    token, authority = volume["projected"]["sources"]

    assert mount["readOnly"] is True
    assert token["serviceAccountToken"]["path"] == "token"
    assert [each["path"] for each in authority["configMap"]["items"]] == ["ca.crt"]
    assert volume["projected"]["defaultMode"] == 0o440  # fsGroup 10001 reads it
    assert pod_of(deployed)["automountServiceAccountToken"] is False


def test_the_network_policy_lets_out_to_the_api_server_and_else_is_that_of_base(deployed: list[Resource]) -> None:
    policy, before = one("NetworkPolicy", deployed)["spec"], one("NetworkPolicy", rendered("base"))["spec"]

    assert policy["egress"][:-1] == before["egress"]
    assert {port["port"] for port in policy["egress"][-1]["ports"]} == {443, 6443}
    assert policy["ingress"] == before["ingress"]


def test_it_is_a_component_for_keda_too_and_follows_its_namespace(tmp_path: Path) -> None:
    deployed = rendered(with_component(tmp_path, MANIFESTS / "overlays" / "keda", DELETION_COST, "workers"))

    assert "replicas" not in one("Deployment", deployed)["spec"]
    assert one("RoleBinding", deployed)["subjects"] == [
        {"kind": "ServiceAccount", "name": "lastcall-orders", "namespace": "workers"}
    ]
