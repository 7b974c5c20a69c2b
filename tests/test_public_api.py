"""What `import mixologist` promises: these names, in order, and a light import."""

import subprocess
import sys

import pytest

import mixologist

HEAVY = ("torch", "transformers", "datasets", "peft", "sklearn", "pydantic")


def test_the_public_names_are_sorted_and_unique() -> None:
    assert mixologist.__all__ == sorted(set(mixologist.__all__))


@pytest.mark.parametrize("name", mixologist.__all__)
def test_every_public_name_can_be_imported(name: str) -> None:
    thing = getattr(mixologist, name)
    assert thing.__name__ == name
    assert thing.__doc__


def test_the_names_of_the_design_are_there() -> None:
    assert {"train", "load", "evaluate", "plan"} <= set(mixologist.__all__)
    assert callable(mixologist.Model.generate)
    assert callable(mixologist.Model.route)


def test_another_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="'mixologist' has no attribute 'trian'"):
        _ = mixologist.trian


@pytest.mark.parametrize("code", ["import mixologist", "from mixologist import UserError"])
def test_importing_loads_no_heavy_library(code: str) -> None:
    check = f"{code}; import sys; print([name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
