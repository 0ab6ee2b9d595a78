"""What KEDA's and the operators' kinds say is valid by the schemas of those who read them, unknown fields refused."""

import copy
import json
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import pytest

from tests.deploy.manifests import OVERLAYS, Resource, rendered

SCHEMAS = {path.stem: json.loads(path.read_text()) for path in (Path(__file__).parent / "schemas").glob("*.json")}
GROUPS = {"keda.sh": "keda", "monitoring.coreos.com": "prometheus-operator", "rabbitmq.com": "rabbitmq"}
CORE = ("", "apps", "policy", "networking.k8s.io", "rbac.authorization.k8s.io", "batch")
NEWEST = "1.36"


def group_of(resource: Resource) -> str:
    return str(resource["apiVersion"]).rpartition("/")[0]


def validate(resource: Resource) -> None:
    schemas = SCHEMAS[GROUPS[group_of(resource)]]
    schema = {**schemas["kinds"][resource["kind"]], "$defs": schemas.get("$defs", {})}
    jsonschema.Draft202012Validator(schema).validate(resource)


def customs(overlay: str) -> list[Resource]:
    return [each for each in rendered(overlay) if group_of(each) not in CORE]


def one_of_each() -> dict[str, Resource]:
    return {each["kind"]: each for overlay in OVERLAYS for each in customs(overlay)}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_kinds_of_operators_are_valid_to_the_letter(overlay: str) -> None:
    for resource in customs(overlay):
        validate(resource)


def test_every_kind_that_is_used_is_looked_at() -> None:
    assert {
        "ScaledObject",
        "ScaledJob",
        "TriggerAuthentication",
        "PodMonitor",
        "RabbitmqCluster",
        "Queue",
        "Policy",
        "User",
        "Permission",
    } <= set(one_of_each())


def test_an_unknown_field_is_refused_in_every_kind() -> None:
    for resource in one_of_each().values():
        spoiled = copy.deepcopy(resource)
        spoiled["spec"]["replicaz"] = 1
        with pytest.raises(jsonschema.ValidationError, match="replicaz"):
            validate(spoiled)


def test_an_unknown_field_is_refused_deep_inside() -> None:
    scaled = copy.deepcopy(one_of_each()["ScaledObject"])
    scaled["spec"]["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]["scaleDown"]["stabilisationWindow"] = 1
    with pytest.raises(jsonschema.ValidationError, match="stabilisationWindow"):
        validate(scaled)


def test_a_value_of_another_type_is_refused() -> None:
    scaled = copy.deepcopy(one_of_each()["ScaledObject"])
    scaled["spec"]["triggers"][0]["metadata"]["value"] = 20
    with pytest.raises(jsonschema.ValidationError, match="20 is not of type 'string'"):
        validate(scaled)


def test_where_the_cluster_runs_is_valid_for_a_pod() -> None:
    spec: dict[str, Any] = one_of_each()["RabbitmqCluster"]["spec"]
    container = {"name": "any", "image": "any", "resources": spec["resources"]}
    pod = {"affinity": spec["affinity"], "containers": [container]}
    resource = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "any"}, "spec": pod}
    kubernetes_validate.validate(resource, NEWEST, strict=True)


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_schema_is_one_and_says_where_it_is_from(name: str) -> None:
    for schema in SCHEMAS[name]["kinds"].values():
        jsonschema.Draft202012Validator.check_schema(schema)
    assert any(licence in SCHEMAS[name]["$comment"] for licence in ("Apache-2.0", "MPL-2.0"))
