"""A stand-in for AWS's Lambda image, where no registry can be reached.

Laid out as AWS lays out its own: the interpreter in /var/lang, the runtime interface client in
/var/runtime with its bootstrap, /lambda-entrypoint.sh. The interpreter is this machine's Python of
the runtime's version with the libraries that it links; the shell is busybox.
"""

import io
import re
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

PATHS = ("/var/lang/bin", "/usr/local/bin", "/usr/bin", "/bin", "/opt/bin")
LIBRARIES = ("/var/lang/lib", "/lib64", "/var/runtime", "/var/task/lib", "/opt/lib")
CHANGES = (
    f"ENV PATH={':'.join(PATHS)} LD_LIBRARY_PATH={':'.join(LIBRARIES)} LANG=en_US.UTF-8 TZ=:UTC"
    " LAMBDA_TASK_ROOT=/var/task LAMBDA_RUNTIME_DIR=/var/runtime",
    "WORKDIR /var/task",
    'ENTRYPOINT ["/lambda-entrypoint.sh"]',
)
BOOTSTRAP = """#!/bin/sh
export PYTHONPATH=/opt/python:/var/runtime
cd "$LAMBDA_TASK_ROOT"
exec /var/lang/bin/python{version} -m awslambdaric "$_HANDLER"
"""
ENTRYPOINT = """#!/bin/sh
export _HANDLER="$1"
exec /var/runtime/bootstrap
"""
COMMANDS = ("sh", "cp", "mv", "rm", "chmod", "ls", "cat")
LEFT_OUT = re.compile(r"/(test|tests|idlelib|ensurepip|site-packages|config-.*|.*\.a)(/|$)")
# What compiled packages may link, and what the C library loads by name.
MORE_LIBRARIES = (
    *("libdl.so.2", "libm.so.6", "libpthread.so.0", "librt.so.1", "libutil.so.1"),
    *("libresolv.so.2", "libnss_dns.so.2", "libnss_files.so.2", "libgcc_s.so.1", "libstdc++.so.6"),
)


def write_image(target: Path, python: Path) -> None:
    """The image's file system as a tar file; `python` belongs to an environment with the client."""
    facts = subprocess.run(
        [
            python,
            "-c",
            "import sys, sysconfig; print(sys.base_prefix, sysconfig.get_path('purelib'),"
            " sysconfig.get_python_version(), sep='\\n')",
        ],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    prefix, packages, version = Path(facts[0]), Path(facts[1]), facts[2]
    with tarfile.open(target, "w") as image:
        image.add("/bin/busybox", "bin/busybox")
        for command in COMMANDS:
            _link(image, f"bin/{command}", "busybox")
        for folder in ("tmp", "var/task", "opt", "var/rapid"):
            _folder(image, folder)
        _script(image, "lambda-entrypoint.sh", ENTRYPOINT)
        _script(image, "var/runtime/bootstrap", BOOTSTRAP.format(version=version))
        for name in (f"bin/python{version}", f"lib/python{version}"):
            image.add(prefix / name, f"var/lang/{name}", filter=_kept)
        for package in packages.iterdir():
            if not re.search(r"pip|virtualenv|dist-info|\.pth$", package.name):
                image.add(package, f"var/runtime/{package.name}", filter=_whole)
        for library in sorted(set(_libraries(prefix, version))):
            image.add(library.resolve(), str(library).lstrip("/"))


def _libraries(prefix: Path, version: str) -> Iterator[Path]:
    """The shared libraries of the interpreter and its modules, and the loader."""
    compiled = [prefix / f"bin/python{version}"]
    compiled += sorted((prefix / f"lib/python{version}/lib-dynload").glob("*.so"))
    for path in compiled:
        linked = subprocess.run(["ldd", path], capture_output=True, text=True, check=False).stdout
        yield from (Path(found) for found in re.findall(r"(/\S+\.so\S*) \(0x", linked))
    cache = subprocess.run(["/sbin/ldconfig", "-p"], capture_output=True, text=True, check=True)
    for name in MORE_LIBRARIES:
        [found, *_] = re.findall(rf"{re.escape(name)} .*x86-64.* => (\S+)", cache.stdout)
        yield Path(found)


def _kept(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
    return None if LEFT_OUT.search(f"/{entry.name}") else _whole(entry)


def _whole(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = 0
    return entry


def _script(image: tarfile.TarFile, name: str, text: str) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(text), 0o755
    image.addfile(entry, io.BytesIO(text.encode()))


def _folder(image: tarfile.TarFile, name: str) -> None:
    entry = tarfile.TarInfo(name)
    entry.type, entry.mode = tarfile.DIRTYPE, 0o1777
    image.addfile(entry)


def _link(image: tarfile.TarFile, name: str, target: str) -> None:
    entry = tarfile.TarInfo(name)
    entry.type, entry.linkname = tarfile.SYMTYPE, target
    image.addfile(entry)
