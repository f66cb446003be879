"""What holds for the project as a whole: what imports what, and where the same version must be named."""

import ast
import importlib.metadata
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

import spikefill

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "spikefill"
MODULES = sorted(PACKAGE.rglob("*.py"))
CORE_PARTS = ("neurons", "models", "images", "masks", "inpainting")
CORE = [
    *(path for part in CORE_PARTS for path in sorted((PACKAGE / part).rglob("*.py"))),
    PACKAGE / "layers.py",
]
HEAVY = {
    "torch",
    "numpy",
    "numba",
    "cv2",
    "PIL",
    "matplotlib",
    "skimage",
    "pydantic",
    "pytorch_lightning",
    "rich",
}
NOT_IN_THE_CORE = {
    *("pytorch_lightning", "lightning", "fastapi", "matplotlib", "pydantic", "skimage"),
    *("onnx", "onnxruntime", "nir"),
}


def name(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def imported_by(statement: str) -> set[str]:
    """The top-level modules that are loaded after a statement in a fresh interpreter."""
    code = f"import sys\n{statement}\nprint('loaded:', *{{name.partition('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.rpartition("loaded:")[2].split())


def test_importing_the_package_imports_nothing_heavy():
    assert HEAVY & imported_by("import spikefill") == set()


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["inpaint", "--help"], ["train", "--help"]])
def test_help_and_version_import_nothing_heavy(arguments):
    loaded = imported_by(f"from spikefill.cli.app import run\nassert run({arguments!r}) == 0")
    assert "typer" in loaded
    assert (HEAVY - {"pydantic"}) & loaded == set()  # newer typers convert arguments with pydantic


def test_every_public_name_of_the_package_is_there():
    for public in spikefill.__all__:
        assert getattr(spikefill, public) is not None, public
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = spikefill.no_such_name


def test_the_version_is_the_same_everywhere():
    version = spikefill.__version__
    assert importlib.metadata.version("spikefill") == version
    released = re.findall(r"^## \[(\d[^]]*)\]", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)
    assert released[0] == version
    citation = (ROOT / "CITATION.cff").read_text("utf-8")
    assert re.findall(r"^version: (.+)$", citation, re.MULTILINE) == [version]
    assert conda_recipe()["context"]["version"] == version


def conda_recipe() -> dict[str, Any]:
    return yaml.safe_load((ROOT / "conda" / "recipe.yaml").read_text("utf-8"))


def test_the_conda_recipe_needs_and_offers_what_the_wheel_does():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    elsewhere = {"torch": "pytorch", "opencv-contrib-python-headless": "opencv"}
    named = [re.fullmatch(r"([\w-]+)(.*)", text).groups() for text in project["dependencies"]]
    wanted = [f"{elsewhere.get(name, name)} {versions}" for name, versions in named]
    recipe = conda_recipe()
    assert recipe["requirements"]["run"] == sorted([*wanted, f"python {project['requires-python']}"])
    assert recipe["build"]["python"]["entry_points"] == [f"{name} = {at}" for name, at in project["scripts"].items()]


def locked() -> dict[str, str]:
    lines = (ROOT / "requirements.lock").read_text("utf-8").splitlines()
    lines = [line.partition(" ;")[0] for line in lines if line and not line.startswith("#")]
    assert all(re.fullmatch(r"[a-z0-9-]+==[0-9a-z.]+", line) for line in lines)
    return dict(line.split("==") for line in lines)


def test_the_lock_names_the_build_of_torch_for_every_machine_and_no_cuda_package():
    assert locked()["torch"] == "2.13.0"
    assert not [package for package in locked() if package.startswith(("nvidia", "triton", "cuda"))]


def test_the_lock_covers_every_requirement():
    requirements = importlib.metadata.requires("spikefill")
    names = {re.match(r"[\w.-]+", requirement)[0].lower() for requirement in requirements}
    assert len(names) > 20
    assert names - set(locked()) == set()


def test_the_package_says_that_it_is_typed():
    assert (PACKAGE / "py.typed").is_file()


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_every_module_says_what_lives_there(path):
    assert ast.get_docstring(ast.parse(path.read_text("utf-8")))


def imports(path: Path) -> set[str]:
    """Every top-level package that a file imports, wherever in the file."""
    nodes = list(ast.walk(ast.parse(path.read_text("utf-8"))))
    direct = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    froms = {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}
    return {module.partition(".")[0] for module in direct | froms}


@pytest.mark.parametrize("path", CORE, ids=name)
def test_the_core_does_without_training_service_and_plotting(path):
    assert imports(path) & NOT_IN_THE_CORE == set()


@pytest.mark.parametrize("path", CORE, ids=name)
def test_the_core_imports_nothing_above_it(path):
    above = {"training", "evaluation", "cli", "data", "service", "batch", "export"}
    nodes = ast.walk(ast.parse(path.read_text("utf-8")))
    modules = [node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)]
    parts = {module.split(".")[1] for module in modules if module.startswith("spikefill.")}
    assert parts & above == set()


def test_the_core_is_found():
    assert {name(path) for path in CORE} >= {
        "layers.py",
        "neurons/lif.py",
        "models/scnn.py",
        "masks/families.py",
    }
