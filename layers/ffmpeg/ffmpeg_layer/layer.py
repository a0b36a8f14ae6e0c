"""What lies in a layer: the binary, its second name, the licences."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from ffmpeg_layer.configuration import configure_arguments
from ffmpeg_layer.sources import Source
from ffmpeg_layer.toolchain import Toolchain

HERE = Path(__file__).parents[1]

LICENCES = {"ffmpeg": "LGPL-2.1-or-later", "dav1d": "BSD-2-Clause", "zlib": "Zlib"}

NOTICE = """\
This folder holds one program, bin/ffmpeg, which is also ffprobe when called by that name.
It is statically linked from unmodified sources:

{sources}
and musl (MIT), which comes with the compiler. The licence texts are in LICENSES/.
No GPL part of FFmpeg is compiled in.

FFmpeg was configured for {architecture} with:

{options}

The rest of what is needed to build it again, or to link it against a changed FFmpeg, is in
layers/ffmpeg of this project.
"""


def assemble(
    binary: Path, folder: Path, *, toolchain: Toolchain, sources: Sequence[Source]
) -> Path:
    """Lay the binary, its second name and the licences out as the layer has them."""
    (folder / "bin").mkdir(parents=True)
    shutil.copyfile(binary, folder / "bin" / "ffmpeg")
    (folder / "bin" / "ffmpeg").chmod(0o755)
    (folder / "bin" / "ffprobe").symlink_to("ffmpeg")
    shutil.copytree(HERE / "LICENSES", folder / "LICENSES")
    (folder / "NOTICE").write_text(_notice(toolchain, sources))
    return folder


def _notice(toolchain: Toolchain, sources: Sequence[Source]) -> str:
    options = configure_arguments(toolchain.architecture, x86_assembly=toolchain.x86_assembly)
    return NOTICE.format(
        sources="".join(f"  {it}, {LICENCES[it.name]}\n    {it.url}\n" for it in sources),
        architecture=toolchain.architecture,
        options="\n".join(f"  {option}" for option in options),
    )
