"""Images under the containers that are made of them: what a container doesn't say itself, its image says.

May know: how an image's ENTRYPOINT, CMD and ENV give way to a container's. May not know: rules.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from os.path import normpath
from pathlib import Path, PurePath, PurePosixPath

from consumer.check.finding import Unchecked
from consumer.check.shells import script_of
from consumer.check.subject import Launch
from consumer.check.words import PREFIX, may_run

INLINE = "dockerfile_inline"
"""Stands for the Dockerfile of what is built from one within a Compose file."""


def joined(entrypoint: Sequence[str], arguments: Sequence[str]) -> tuple[str, ...]:
    """One command: a shell's script takes no arguments, unless it asks for them."""
    script = script_of(entrypoint)
    return (*entrypoint, *(() if script and "$" not in script else arguments))


def candidates(found: Sequence[Launch], images: Sequence[Launch], target: str) -> Iterator[Launch | Unchecked]:
    """Of all containers those that may run the worker, with their images under them, as far as those are known."""
    named = [each for each in found if may_run(each.command, {**each.environment, **each.unread}, target)]
    of_worker = {repository(each.image) for each in named}
    ours = [each for each in images if may_run(each.command, each.environment, target)]
    is_guess = not named and len(ours) == 1 and len({repository(each.image) for each in found}) == 1
    for each in found:
        image = _image(each, images, of_worker, ours)
        whole = each if image is None else laid_under(each, image)
        if image is None:
            yield from _untold(each, ours[0] if is_guess else None, target)
        elif each.cleared and not whole.command:  # a shell's ENTRYPOINT takes no CMD: that one was not kept
            yield Unchecked(f"what {each.where} starts", "its entrypoint is empty: let its command say it")
        variables = each.environment if each.entrypoint else whole.environment
        if may_run(whole.command, {**variables, **each.unread}, target):
            yield whole


def laid_under(container: Launch, image: Launch) -> Launch:
    """The container with what its image says where it says nothing itself."""
    command = container.command
    if not container.entrypoint:
        entrypoint = () if container.cleared else image.command[: image.entrypoint]
        command = joined(entrypoint, command or image.command[image.entrypoint :])
    own = {*container.environment, *container.unread}
    known, unread = (
        {name: value for name, value in given.items() if name not in own} for given in (image.environment, image.unread)
    )
    return replace(
        container,
        command=command,
        environment={**known, **container.environment},
        unread={**unread, **container.unread},
        stop_signal=container.stop_signal or image.stop_signal,
        dockerfile=image.where.source,
    )


def by_themselves(images: Sequence[Launch], found: Sequence[Launch], target: str) -> Iterator[Launch | Unchecked]:
    """The images under no container that was found: what they start is judged where one may start it."""
    taken = {each.dockerfile for each in found}
    for image in (each for each in images if each.where.source not in taken):
        if not may_run(image.command, image.environment, target):  # as most Dockerfiles of a repository
            yield Unchecked(f"the image of {image.where}", "it starts something else than a worker")
            continue
        if found and any(name.startswith(PREFIX) for name in (*image.environment, *image.unread)):
            why = "which containers it is under can't be told: give one Dockerfile at a time, with what runs its image"
            yield Unchecked(f"the settings in {image.where.source}", why)
        if found and all(each.entrypoint for each in found):
            yield Unchecked(f"what {image.where} starts", "every container has a command of its own")
        else:
            yield image


def located(file: str | PurePath) -> str:
    """Its path from the root on, as far as names say it: no link is followed."""
    return normpath(Path.cwd() / file)


def repository(image: str) -> str:
    """`registry:5000/shop/orders` of `registry:5000/shop/orders:1.2@sha256:…`."""
    return re.sub(r"(?::[\w.-]*)?(?:@.*)?$", "", image, count=1)


def _image(container: Launch, images: Sequence[Launch], of_worker: set[str], ours: Sequence[Launch]) -> Launch | None:
    """By what builds it, or by its name (`Dockerfile.orders` makes `shop/orders`), or as the only one of ours."""
    if container.build:
        built = next((each for each in images if located(each.where.source) == container.build), None)
        return built.stages.get(container.stage) if built is not None and container.stage else built
    name = repository(container.image)
    by_name = [each for each in ours if PurePosixPath(name).name in _names(each.where.source) and name]
    if len(by_name) == 1:
        return by_name[0]
    return ours[0] if len(ours) == 1 and of_worker == {name} else None


def _untold(container: Launch, guess: Launch | None, target: str) -> Iterator[Unchecked]:
    """What is not known of its image. `guess`: one of the worker's, that may be it and may as well be another."""
    if container.build == INLINE:
        yield Unchecked(f"the image of {container.where}", "it is built from a Dockerfile within (dockerfile_inline)")
    elif container.stage:
        why = f"it is built from the stage {container.stage} of a Dockerfile: that was not given, or has none"
        yield Unchecked(f"the image of {container.where}", why)
    elif guess is not None and not container.build and not container.entrypoint:
        over, name = laid_under(container, guess), PurePosixPath(repository(container.image)).name
        if may_run(over.command, over.environment, target):
            mend = f"let its command name {target}, or call that file Dockerfile.{name or 'NAME'}, as the image"
            why = f"nothing says whether its image is that of {guess.where.source}: {mend}"
            yield Unchecked(f"container {container.where}", why)


def _names(source: str) -> set[str]:
    return set(re.split(r"(?i)\.?(?:docker|container)file\.?", PurePosixPath(source).name)) - {""}
