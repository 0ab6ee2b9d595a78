"""The manifests as `kubectl kustomize` renders them.

May know: kubectl, YAML, where the manifests are. May not know: what they promise.
"""

import json
import os
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.engine import ROOT, run

MANIFESTS = ROOT / "deploy" / "kubernetes"
OVERLAYS = (
    *("base", "overlays/keda", "overlays/keda-jobs", "overlays/monitoring", "overlays/cluster"),
    "overlays/deletion-cost",
)
OLDEST_KUBECTL = 22
"""The minor version from which its kustomize knows all that is used here."""

DELETION_COST = MANIFESTS / "components" / "deletion-cost"

Resource = dict[str, Any]


def kubectl_or_skip() -> str:
    """The path of a kubectl that will do; skips with the reason where there is none."""
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        pytest.skip("there is no kubectl here (deploy/local/kubectl gets one)")
    client = subprocess.run([kubectl, "version", "--client", "-o", "json"], capture_output=True, text=True, check=True)
    minor = int("".join(filter(str.isdigit, json.loads(client.stdout)["clientVersion"]["minor"])))
    if minor < OLDEST_KUBECTL:
        pytest.skip(f"this kubectl is 1.{minor}, too old for the manifests (deploy/local/kubectl gets another)")
    return kubectl


@cache
def _rendered(path: Path) -> str:
    return run(kubectl_or_skip(), "kustomize", str(path))


def rendered(path: str | Path) -> list[Resource]:
    """All resources of a kustomization, freshly parsed."""
    return [each for each in yaml.safe_load_all(_rendered(MANIFESTS / path)) if each]


def with_component(directory: Path, resource: Path, component: Path, namespace: str) -> Path:
    """The directory, with a kustomization of both in it, as a user's own would be."""
    here = directory.resolve()
    lines = [
        "apiVersion: kustomize.config.k8s.io/v1beta1",
        "kind: Kustomization",
        f"namespace: {namespace}",
        f"resources: [{os.path.relpath(resource, here)}]",
        f"components: [{os.path.relpath(component, here)}]",
    ]
    (here / "kustomization.yaml").write_text("\n".join(lines))
    return here


def one(kind: str, resources: list[Resource]) -> Resource:
    """The only resource of this kind."""
    [found] = [each for each in resources if each["kind"] == kind]
    return found


def template_of(resources: list[Resource]) -> Resource:
    """The pod template, of a Deployment or of a ScaledJob."""
    [workers] = [each["spec"] for each in resources if each["kind"] in {"Deployment", "ScaledJob"}]
    template: Resource = workers.get("template") or workers["jobTargetRef"]["template"]
    return template


def pod_of(resources: list[Resource]) -> Resource:
    """The pod's spec in that template."""
    spec: Resource = template_of(resources)["spec"]
    return spec


def container_of(resources: list[Resource]) -> Resource:
    """The only container of that pod."""
    only: Resource
    [only] = pod_of(resources)["containers"]
    return only
