"""Build the ffmpeg layer for one architecture.

    python layers/ffmpeg/build.py --arch x86_64|arm64 [--jobs N] [--print-path]

Run it with an environment that has ziglang, meson and ninja. README.md says how it works.
"""

import argparse
import os
import signal
import sys
from functools import partial
from pathlib import Path

from ffmpeg_layer.cache import cached, default_cache, layer_key, publish
from ffmpeg_layer.configuration import FFMPEG_ARCHITECTURE
from ffmpeg_layer.making import make_layer
from ffmpeg_layer.progress import BuildError
from ffmpeg_layer.toolchain import find_toolchain

HERE = Path(__file__).resolve().parent


def main() -> int:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # the scratch folder is removed
    arguments = parse_arguments()
    output: Path = arguments.output or HERE.parents[1] / ".build" / "ffmpeg" / arguments.arch
    try:
        toolchain = find_toolchain(arguments.arch)
        cache, key = default_cache(), layer_key(toolchain)
        log = cache / f"{key}.{os.getpid()}.log"
        make = partial(make_layer, toolchain=toolchain, cache=cache, log=log, jobs=arguments.jobs)
        publish(cached(key, cache, make), output, symlinks=not arguments.without_symlink)
        log.unlink(missing_ok=True)
    except BuildError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    if arguments.print_path:
        print(output)
    return 0


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Build the ffmpeg layer for one architecture.")
    parser.add_argument("--arch", required=True, choices=tuple(FFMPEG_ARCHITECTURE))
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--output", type=Path, help="default: .build/ffmpeg/ARCH of the project")
    parser.add_argument(
        "--without-symlink", action="store_true", help="leave the second name, ffprobe, out"
    )
    parser.add_argument(
        "--print-path", action="store_true", help="print the layer's folder when it is there"
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
