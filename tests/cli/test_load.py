"""What loading a worker promises: the worker that was named, or one paragraph with the mend."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from consumer.cli.load import load_worker
from consumer.errors import ConfigurationError
from consumer.worker import Worker

HEAD = "from consumer import Worker\n"
Project = Callable[..., None]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    """Write modules into an empty directory that is the current one; forget them after."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    before = set(sys.modules)

    def write(**modules: str) -> None:
        for name, text in modules.items():
            path = tmp_path / f"{name.replace('__', '/')}.py"
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)

    yield write
    for name in set(sys.modules) - before:
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


def refusal(target: str) -> str:
    with pytest.raises(ConfigurationError) as caught:
        load_worker(target)
    return str(caught.value)


def test_a_worker_is_found_in_a_module_of_the_current_directory(project):
    project(orders1=f"{HEAD}worker = Worker()\n")
    assert isinstance(load_worker("orders1:worker"), Worker)


def test_a_worker_is_found_inside_a_package_and_behind_dots(project):
    project(shop2__orders=f"{HEAD}class Apps:\n    billing = Worker()\n")
    assert isinstance(load_worker("shop2.orders:Apps.billing"), Worker)


def test_a_function_without_parameters_may_make_the_worker(project):
    project(orders3=f"{HEAD}def make(name='x'):\n    return Worker()\n")
    assert isinstance(load_worker("orders3:make"), Worker)


@pytest.mark.parametrize("target", ["orders", "orders:", ":worker", ""])
def test_a_target_without_both_parts_is_told_how_to_write_it(project, target):
    assert "write MODULE:ATTRIBUTE" in refusal(target)


def test_a_path_is_told_as_the_module_that_it_is(project):
    assert "name the module instead: examples.orders.worker:app" in refusal("./examples/orders/worker.py:app")


def test_a_missing_module_is_told_with_where_it_was_sought_and_the_nearest_name(project, tmp_path):
    project(orders4=HEAD)
    text = refusal("ordesr4:worker")
    assert "no module 'ordesr4'" in text
    assert str(tmp_path) in text
    assert "Did you mean 'orders4'?" in text


def test_a_missing_submodule_is_told_as_missing_too(project):
    project(shop5__orders=HEAD)
    assert "no module 'shop5.order'" in refusal("shop5.order:worker")


def test_an_import_that_fails_inside_the_module_is_told_at_the_users_own_line(project, tmp_path):
    project(orders6="import json\nimport no_such_library\n")
    text = refusal("orders6:worker")
    assert "Importing 'orders6' failed: ModuleNotFoundError: No module named 'no_such_library'" in text
    assert f"{tmp_path}/orders6.py, line 2: import no_such_library" in text


def test_an_error_inside_a_library_is_told_at_the_users_line_that_led_there(project, tmp_path):
    project(orders7="import json\nx = 1\njson.loads('{')\n")
    text = refusal("orders7:worker")
    assert "JSONDecodeError" in text
    assert f"{tmp_path}/orders7.py, line 3: json.loads" in text


def test_a_syntax_error_is_told_with_its_line(project, tmp_path):
    project(orders8="x = 1\nif\n")
    text = refusal("orders8:worker")
    assert "SyntaxError" in text
    assert f"{tmp_path}/orders8.py, line 2" in text


def test_a_missing_attribute_is_told_with_the_nearest_name_and_the_workers_there(project):
    project(orders9=f"{HEAD}worker = Worker()\naudit = Worker()\n")
    text = refusal("orders9:wroker")
    assert "has no 'wroker'. Did you mean 'worker'?" in text
    assert "Its workers: audit, worker." in text


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("'text'", "orders10:app is no Worker (str)"),
        ("Worker", "orders10:app is no Worker (class Worker)"),
        ("lambda: 3", "What orders10:app() returned is no Worker (int)"),
        ("lambda name: Worker()", "orders10:app is no Worker (function)"),
        ("lambda: {}['missing']", "failed: KeyError: 'missing'"),
    ],
)
def test_an_attribute_that_is_no_worker_is_told_as_what_it_is(project, value, told):
    project(orders10=f"{HEAD}app = {value}\n")
    assert told in refusal("orders10:app")


def test_an_async_factory_is_refused_with_the_mend(project):
    project(orders11=f"{HEAD}async def make():\n    return Worker()\n")
    assert "a plain function without parameters that returns one" in refusal("orders11:make")


@pytest.mark.parametrize("shadow", ["consumer.py", "consumer/__init__.py"])
def test_a_module_of_the_users_that_hides_the_package_is_told_to_be_renamed(project, tmp_path, shadow):
    project(orders12=f"{HEAD}worker = Worker()\n")
    (tmp_path / shadow).parent.mkdir(exist_ok=True)
    (tmp_path / shadow).touch()
    assert "hides Lastcall's own package" in refusal("orders12:worker")


def test_a_directory_without_init_hides_nothing(project):
    project(orders13=f"{HEAD}worker = Worker()\n", consumer__notes="")
    assert isinstance(load_worker("orders13:worker"), Worker)
