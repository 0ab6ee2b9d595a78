"""A Dockerfile is taken apart as Docker does it: heredocs, the escape directive, continued lines, comments."""

from pathlib import Path

import pytest

from consumer.check.documents.dockerfile import is_dockerfile, launch
from consumer.check.documents.instructions import Unclosed, instructions
from consumer.cli.check_parsing import Unreadable
from consumer.cli.check_sources import read

END = 'ENTRYPOINT ["lastcall"]'


@pytest.mark.parametrize(
    "text",
    [
        f"RUN <<EOF\nENTRYPOINT sh\nEOF\n{END}",
        f"RUN <<-EOF\n\tCMD sh\n\tEOF\n{END}",
        f"RUN <<'EOF' sh\nCMD sh\n EOF\nEOF \nEOF\n{END}",
        f'COPY <<"a.sh" <<b /\nCMD x\na.sh\nCMD y\nb\n{END}',
        f"ADD --chmod=755 <<E /x\n# no comment\nCMD x\n\\\nE\n{END}",
        f"ONBUILD RUN <<E\nCMD x\nE\n{END}",
        f"RUN 3<<E cat\nCMD x\nE\n{END}",
        f"RUN \\\n  # a note\n\n  <<E\nCMD x\nE\n{END}",
    ],
)
def test_what_a_heredoc_holds_is_no_instruction(text: str) -> None:
    assert [word for word, _ in instructions(f"FROM x\n{text}")][2:] == ["ENTRYPOINT"]


@pytest.mark.parametrize("rest", ['echo "<<EOF"', "echo ' <<EOF'", "echo $((1<<2))", "cat <<<x", 'sh -c "a <<EOF b"'])
def test_what_only_looks_like_one_is_none(rest: str) -> None:
    assert [word for word, _ in instructions(f"RUN {rest}\n{END}")] == ["RUN", "ENTRYPOINT"]


@pytest.mark.parametrize(
    ("text", "line"), [("RUN <<EOF\nx", 1), ("FROM x\n\nRUN a \\\n <<A <<B\nA\n", 3), (f"RUN <<E\n E\n{END}", 1)]
)
def test_one_that_is_never_closed_is_told_with_its_line(text: str, line: int, tmp_path: Path) -> None:
    with pytest.raises(Unclosed, match=f"line {line}: the heredoc"):
        list(instructions(text))
    (tmp_path / "Dockerfile").write_text(text)
    with pytest.raises(Unreadable, match=f"line {line}: the heredoc"):
        read([str(tmp_path / "Dockerfile")])
    [left_out] = read([str(tmp_path)]).unchecked
    assert f"line {line}" in left_out.why


@pytest.mark.parametrize("directive", ["# escape=`", "#escape = `", "# syntax=docker/dockerfile:1\n# ESCAPE=`"])
def test_another_escape_continues_the_lines(directive: str) -> None:
    text = f'{directive}\nFROM x\nWORKDIR C:\\\nENV A=1 `\n  LASTCALL_PREFETCH=5\nENTRYPOINT ["lastcall", `\n "run"]'
    found = launch("Dockerfile", text)
    assert found.command == ("lastcall", "run")
    assert found.environment == {"A": "1", "LASTCALL_PREFETCH": "5"}


@pytest.mark.parametrize("before", ["FROM x\n", "# a note\n", "\n", "# note: x\n"])
def test_the_directive_is_one_at_the_top_alone(before: str) -> None:
    assert [word for word, _ in instructions(f"{before}# escape=`\nRUN a `\n{END}")][-2:] == ["RUN", "ENTRYPOINT"]


@pytest.mark.parametrize(
    ("text", "read_as"),
    [
        ("CMD a\\\nb", "ab"),
        ("CMD a \\\n  b", "a   b"),
        ("CMD a \\  \n# note\n\n  b", "a   b"),
        ("CMD a \\\\\nENV b", "a \\\\"),
        ("  cmd a", "a"),
        ("CMD a \\", "a"),
    ],
)
def test_a_line_goes_on_where_docker_lets_it(text: str, read_as: str) -> None:
    assert next(instructions(text)) == ("CMD", read_as)


@pytest.mark.parametrize(
    "text", ["ONBUILD", "FROM", "ENV", "RUN", "CMD", "SHELL", "STOPSIGNAL", "\\", "\\\n#", "#", ""]
)
def test_an_instruction_that_says_nothing_is_read_all_the_same(text: str) -> None:
    assert launch("Dockerfile", f"{text}\n{END}").command == ("lastcall",)


@pytest.mark.parametrize("text", ["\\", "\\\n", "\\ \n# a note\n\n"])
def test_a_last_line_that_goes_on_to_nothing_is_passed_over(text: str) -> None:
    assert launch("Dockerfile", f"FROM x\n{END}\n{text}").command == ("lastcall",)


def test_what_is_nested_too_deeply_to_be_a_list_is_a_shells() -> None:
    assert launch("Dockerfile", "FROM x\nCMD " + "[" * 100_000).command[:2] == ("/bin/sh", "-c")


@pytest.mark.parametrize(
    "name", ["Dockerfile.dockerignore", "Dockerfile.web.dockerignore", "Containerfile.containerignore"]
)
def test_what_a_build_leaves_out_is_no_dockerfile(name: str) -> None:
    assert not is_dockerfile(name)
    assert is_dockerfile(name.rpartition(".")[0])


def test_a_stage_for_another_platform_is_built_on_all_the_same() -> None:
    text = f"FROM x\tAS  app\n{END}\nFROM --platform=linux/arm64 app"
    assert launch("Dockerfile", text).command == ("lastcall",)


@pytest.mark.parametrize(
    ("text", "variables"),
    [
        ("ENV A=1 B='2 3' C=\"4\"", {"A": "1", "B": "2 3", "C": "4"}),
        ("ENV A 1 2=3", {"A": "1 2=3"}),
        ("ENV A=a\\ b", {"A": "a b"}),
        ("ENV A=$B C=1", {"C": "1"}),
        ("ENV A='", {}),
    ],
)
def test_variables_are_read_in_both_forms(text: str, variables: dict[str, str]) -> None:
    assert launch("Dockerfile", f"FROM x\n{text}").environment == variables
