"""What is measured on: the binary, its adapters, the machine, and which Python has the peers."""

import ctypes
import datetime
import glob
import hashlib
import json
import os
import pathlib
import platform
import re
import shutil
import subprocess
import sys

from day import Unusable

# Where NVIDIA's container images have the driver's Vulkan part, which the loader does not look at.
DRIVERS = "/usr/local/nvidia/share/vulkan/icd.d/*.json", "/usr/local/nvidia/share/glvnd/egl_vendor.d/*.json"
# Those of somebody's own day would change what is measured.
SETTINGS = re.compile(r"(WGBERT_(?!PEERS_PYTHON).*|RUST_LOG|RUST_BACKTRACE)")


def binary(asked, root):
    """The wgbert that is meant."""
    found = search(asked, root)
    if not said([found, "--version"], os.environ).startswith("wgbert "):
        raise Unusable(f"{found} is not wgbert, or does not run here")
    return found


def search(asked, root):
    name = "wgbert.exe" if os.name == "nt" else "wgbert"
    if asked:
        found = shutil.which(asked)
        if found is None:
            raise Unusable(f"{asked} is no program that can be run")
        return pathlib.Path(found).absolute()
    for path in root / "bin" / name, root / "target/release" / name:
        if path.exists():
            return path
    if found := shutil.which("wgbert"):
        return pathlib.Path(found)
    raise Unusable("there is no wgbert: cargo build --release, or --binary PATH")


def environment(root):
    """This process's, with the Vulkan loader of a pack where the system has none, and without settings of wgbert's."""
    variables = {name: value for name, value in os.environ.items() if not SETTINGS.fullmatch(name)}
    if sys.platform == "linux":
        lacking = [path for path in sorted((root / "bin/lib").glob("*.so.*")) if not loads(path.name)]
        if lacking:
            # A folder of those alone: the others are better the system's own.
            folder = root / "target/device/lib"
            folder.mkdir(parents=True, exist_ok=True)
            for path in lacking:
                link = folder / path.name
                if link.is_symlink():
                    link.unlink()  # a pack that was moved
                link.symlink_to(path)
            before = variables.get("LD_LIBRARY_PATH")
            variables["LD_LIBRARY_PATH"] = f"{folder}:{before}" if before else str(folder)
        variables.setdefault("XDG_RUNTIME_DIR", "/tmp")
    return variables


def loads(library):
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def adapters(binary, variables):
    """Those that it lists; none where it finds none."""
    try:
        ended = subprocess.run(
            [binary, "adapters", "-f", "json"], env=variables, capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unusable(f"{binary} cannot be run: {error}") from None
    try:
        return json.loads(ended.stdout)
    except ValueError:
        said = (ended.stderr or ended.stdout).strip().splitlines() or ["nothing"]
        if "no GPU adapter" in said[-1]:
            return []
        raise Unusable(f"{binary} lists no adapters (status {ended.returncode}), and says: {said[-1]}") from None


def adapter(binary, asked, variables):
    """The one that is asked for, of `wgbert adapters`; `variables` gets what is needed to see it."""
    found = adapters(binary, variables)
    icd, vendor = (glob.glob(pattern) for pattern in DRIVERS)
    if icd and all(one["kind"] == "Cpu" for one in found) and "VK_DRIVER_FILES" not in variables:
        more = {"VK_DRIVER_FILES": ":".join(icd)}
        if vendor:
            more["__EGL_VENDOR_LIBRARY_FILENAMES"] = ":".join(vendor)
        if again := adapters(binary, {**variables, **more}):
            found = again
            variables.update(more)
    if not found:
        raise Unusable("wgbert finds no adapter here: is a driver for Vulkan, Metal or DX12 installed, and on Linux libvulkan.so.1?")
    if asked is None:
        return next((one for one in found if one["default"]), found[0])
    fits = [one for one in found if asked.lower() in one["name"].lower()]
    if asked.isdigit():
        fits = [one for one in found if one["index"] == int(asked)]
    if not fits:
        there = ", ".join(f"{one['index']}: {one['name']}" for one in found)
        raise Unusable(f"no adapter is called {asked!r}; there are {there}")
    return fits[0]


def file_name(adapter):
    """`nvidia-h100-80gb-hbm3`, `llvmpipe`; a driver's additions in brackets left out."""
    name = re.sub(r"\(.*?\)", "", adapter["name"])
    words = re.findall(r"[a-z0-9]+", name.lower())
    return "-".join(words + (["dx12"] if adapter["backend"] == "dx12" else [])) or "adapter"


def private(variables, work, adapter, binary):
    """With caches of this day's own, and on this adapter."""
    caches = {"XDG_CACHE_HOME": work / "cache", "WGBERT_CACHE_DIR": work / "cache"}
    for name in "MESA_SHADER_CACHE_DIR", "__GL_SHADER_DISK_CACHE_PATH":
        caches[name] = work / "cache"
    own = {"WGBERT_ADAPTER": adapter["index"], "WGBERT_BINARY": binary, "PYTHONDONTWRITEBYTECODE": 1, **caches}
    return {**variables, **{name: str(value) for name, value in own.items()}}


def about(binary, adapter, root, variables):
    version = said([binary, "--version"], variables).split()
    digest = hashlib.sha256(binary.read_bytes()).hexdigest()
    chosen = "VK_DRIVER_FILES", "VK_ICD_FILENAMES", "LD_LIBRARY_PATH", "OMP_WAIT_POLICY"
    return {
        "wgbert": version[1],
        **source(root, digest),
        "binary_sha256": digest,
        **{key: adapter[key] for key in ("backend", "driver", "kind")},
        "adapter": adapter["name"],
        "os": platform.platform(),
        "cpu": cpu(),
        "cpus": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_bytes": memory(),
        "python": platform.python_version(),
        "environment": {name: variables[name] for name in chosen if name in variables},
        "nvidia_smi": said(
            ["nvidia-smi", "--format=csv,noheader", "--query-gpu=name,driver_version,clocks.max.sm,clocks.max.mem,power.limit"], variables
        )
        or None,
        "date": datetime.date.today().isoformat(),
    }


def source(root, digest):
    """Which commit the binary is of: the pack says so; beside a checkout it is assumed to be the checkout's."""
    pack = root / "pack.json"
    if pack.exists():
        packed = json.loads(pack.read_text())
        if packed["binary_sha256"] == digest:
            return {"commit": packed["commit"], "commit_of": "the pack"}
        return {"commit": None, "commit_of": "a binary that is not the pack's"}
    commit = said(["git", "-C", root, "describe", "--always", "--dirty", "--abbrev=10"], os.environ)
    return {"commit": commit or None, "commit_of": "the checkout beside it"}


def said(command, variables):
    """The first lines of what it prints; nothing where it cannot be run."""
    try:
        ended = subprocess.run(
            [str(word) for word in command], env=dict(variables), capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return ended.stdout.strip() if ended.returncode == 0 else ""


def cpu():
    try:
        found = re.search(r"^model name\s*: (.*)$", pathlib.Path("/proc/cpuinfo").read_text(), re.M)
    except OSError:
        found = None
    if found:
        return found[1]
    return said(["sysctl", "-n", "machdep.cpu.brand_string"], os.environ) or platform.processor() or platform.machine()


def memory():
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None


def peers_python(packages, variables):
    """The interpreter that has the most of the packages, and which it has. It must be 3.10."""
    script = "import importlib.util as u, sys; print(sys.version_info >= (3, 10), *[n for n in sys.argv[1:] if u.find_spec(n)])"
    best = None, []
    asked = variables.get("WGBERT_PEERS_PYTHON")
    for python in [asked] if asked else [sys.executable, "python3", "python"]:
        new, *there = said([python, "-c", script, *packages], variables).split() or ["False"]
        if new == "True" and (best[0] is None or len(there) > len(best[1])):
            best = shutil.which(python) or python, there
    return best
