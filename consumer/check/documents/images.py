"""Images under the containers that are made of them: what a container doesn't say itself, its image says.

May know: how an image's ENTRYPOINT, CMD and ENV give way to a container's. May not know: rules.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from os.path import normpath
from pathlib import PurePosixPath

from consumer.check.finding import Unchecked
from consumer.check.shells import script_of
from consumer.check.subject import Launch
from consumer.check.words import PREFIX, may_run


def joined(entrypoint: Sequence[str], arguments: Sequence[str]) -> tuple[str, ...]:
    """One command: a shell's script takes no arguments, unless it asks for them."""
    script = script_of(entrypoint)
    return (*entrypoint, *(() if script and "$" not in script else arguments))


def candidates(found: Sequence[Launch], images: Sequence[Launch], target: str) -> Iterator[Launch]:
    """Of all containers those that may run the worker, with their images under them, as far as those are known."""
    named = [each for each in found if may_run(each.command, each.environment, target)]
    of_worker = {repository(each.image) for each in named or found}
    for each in found:
        image = _image(each, images, of_worker, target)
        whole = each if image is None else laid_under(each, image)
        variables = each.environment if each.entrypoint else whole.environment
        if may_run(whole.command, {**variables, **each.unread}, target):
            yield whole


def laid_under(container: Launch, image: Launch) -> Launch:
    """The container with what its image says where it says nothing itself."""
    command = container.command
    if not container.entrypoint:
        command = joined(image.command[: image.entrypoint], command or image.command[image.entrypoint :])
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
        if not may_run(
            image.command, image.environment, target
        ):  # most Dockerfiles of a repository make something else
            yield Unchecked(f"the image of {image.where}", "it starts something else than a worker")
            continue
        if found and any(name.startswith(PREFIX) for name in (*image.environment, *image.unread)):
            why = "which containers it is under can't be told: give one Dockerfile at a time, with what runs its image"
            yield Unchecked(f"the settings in {image.where.source}", why)
        if found and all(each.entrypoint for each in found):
            yield Unchecked(f"what {image.where} starts", "every container has a command of its own")
        else:
            yield image


def repository(image: str) -> str:
    """`registry:5000/shop/orders` of `registry:5000/shop/orders:1.2@sha256:…`."""
    return re.sub(r"(?::[\w.-]*)?(?:@.*)?$", "", image, count=1)


def _image(container: Launch, images: Sequence[Launch], of_worker: set[str], target: str) -> Launch | None:
    """By what builds it, or by its name (`Dockerfile.orders` makes `shop/orders`), or as the only one there is."""
    if container.build:
        return next((each for each in images if normpath(each.where.source) == container.build), None)
    name = repository(container.image)
    ours = [each for each in images if may_run(each.command, each.environment, target)]
    by_name = [each for each in ours if PurePosixPath(name).name in _names(each.where.source) and name]
    if len(by_name) == 1:
        return by_name[0]
    return ours[0] if len(ours) == 1 and of_worker == {name} else None


def _names(source: str) -> set[str]:
    return set(re.split(r"(?i)\.?(?:docker|container)file\.?", PurePosixPath(source).name)) - {""}
