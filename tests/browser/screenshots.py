"""Screenshots of each view for the documents: `make screenshots`.

Starts a stack of its own, fills it with pictures and sounds that ffmpeg draws, and writes
`docs/images/dashboard-VIEW-VARIANT.png`.
"""

import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import imageio_ffmpeg
from PIL import Image
from playwright.sync_api import sync_playwright

from tests.browser import chromium
from tests.browser.visitor import Visitor
from tests.stack.client import ROOT, File, LocalRun, Stack

if TYPE_CHECKING:
    from playwright.sync_api import Browser

IMAGES = ROOT / "docs" / "images"
COLOURS = 128  # a palette: a third of the bytes, and of flat surfaces nothing is lost
WINDOW = {"width": 1280, "height": 800}
VARIANTS: Mapping[str, Mapping[str, Any]] = {
    "light": {"color_scheme": "light", "viewport": WINDOW},
    "dark": {"color_scheme": "dark", "viewport": WINDOW},
    "phone": {
        "color_scheme": "light",
        "viewport": {"width": 390, "height": 780},
        "device_scale_factor": 1.5,
        "is_mobile": True,
        "has_touch": True,
    },
}
MP4 = ("-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p", "-movflags", "+faststart")
STILL = ("-frames:v", "1")


@dataclass(frozen=True)
class Drawing:
    """A file that ffmpeg makes: of which sources, and how it is written."""

    name: str
    mime_type: str
    sources: Sequence[str]
    options: Sequence[str]

    def draw(self, folder: Path) -> File:
        path = folder / self.name
        inputs = [word for source in self.sources for word in ("-f", "lavfi", "-i", source)]
        command = [imageio_ffmpeg.get_ffmpeg_exe(), "-y", "-v", "error", *inputs]
        subprocess.run([*command, *self.options, str(path)], check=True)
        return File(self.name, self.mime_type, path.read_bytes())


def gradient(colours: str, *, seed: int, seconds: int = 1, kind: str = "linear") -> str:
    """ffmpeg's source of three colours that drift into each other."""
    first, second, third = colours.split()
    drift = f"type={kind}:seed={seed}:speed=0.02:rate=5:d={seconds}"
    return f"gradients=s=960x600:n=3:c0={first}:c1={second}:c2={third}:{drift}"


def voice(seconds: int) -> str:
    """ffmpeg's source of a tone that comes and goes like syllables."""
    loudness = "abs(sin(2.3*t)*cos(0.9*t))*(0.4+0.6*abs(sin(11*t)))"
    return f"aevalsrc='0.7*sin(220*2*PI*t)*{loudness}':d={seconds}"


VIDEO = Drawing(
    "Sunset over the lake.mp4",
    "video/mp4",
    (gradient("0x2b1055 0xff7e5f 0xfeb47b", seed=4, seconds=24), voice(24)),
    MP4,
)
DRAWINGS = (
    VIDEO,
    Drawing(
        "Northern lights.mp4",
        "video/mp4",
        (gradient("0x021b2b 0x12d6a0 0x3f2b96", seed=11, seconds=75),),
        MP4,
    ),
    Drawing(
        "Campsite.jpg",
        "image/jpeg",
        (gradient("0x134e5e 0x71b280 0xf6d365", seed=7),),
        STILL,
    ),
    Drawing("Voice message.m4a", "audio/mp4", (voice(9),), ("-c:a", "aac")),
    Drawing(
        "Full moon.png",
        "image/png",
        (gradient("0xf5f0d8 0x8aa0c8 0x0a1030", seed=3, kind="radial"),),
        STILL,
    ),
    Drawing(
        "Whirlpool.webm",
        "video/webm",
        (gradient("0x0f2027 0x2c7da0 0xa9d6e5", seed=5, seconds=6, kind="spiral"),),
        ("-c:v", "vp8", "-pix_fmt", "yuv420p"),
    ),
)
PACKING_LIST = File("Packing list.txt", "text/plain", b"Tent\nStove\nCoffee\nGood mood\n")
BROKEN = File("Trip.mp4", "video/mp4", b"no video at all")


def main() -> int:
    executable = chromium.executable()
    if executable is None:
        print(chromium.MISSING, file=sys.stderr)
        return 1
    built = subprocess.run(
        [sys.executable, str(ROOT / "dashboard" / "build.py")], stdout=subprocess.PIPE, text=True
    )
    if built.returncode:
        return built.returncode
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        run = LocalRun(folder, "--port", "0", "--no-demo", "--dashboard", built.stdout.strip())
        try:
            stack = Stack(run.ready())
            fill(stack, folder)
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(
                    executable_path=executable, args=chromium.ARGUMENTS
                )
                shoot(browser, stack, folder)
                browser.close()
            stack.close()
        finally:
            run.interrupt()
    return 0


def fill(stack: Stack, folder: Path) -> None:
    """A conversation worth looking at; the newest first, as it is shown."""
    message_id = stack.description["message_id"]
    broken = stack.sender.send_file(message_id, BROKEN)
    stack.sender.settled(broken["id"])
    stack.sender.upload(message_id, PACKING_LIST)
    for drawing in reversed(DRAWINGS):
        stack.sender.upload(message_id, drawing.draw(folder))


def shoot(browser: "Browser", stack: Stack, folder: Path) -> None:
    """Every view in every variant, those first that change nothing."""
    for view, (user, look) in VIEWS.items():
        for variant, options in VARIANTS.items():
            with browser.new_context(**options) as context:
                visitor = Visitor(context, stack)
                if user is None:
                    visitor.go("")
                else:
                    visitor.sign_in(user, "#/open")
                look(visitor, folder)
                visitor.page.mouse.move(0, 0)
                picture = visitor.page.screenshot(animations="disabled")
            path = IMAGES / f"dashboard-{view}-{variant}.png"
            keep(picture, path)
            print(f"{path.relative_to(ROOT)}  {path.stat().st_size / 1024:.0f} KB", flush=True)


def keep(picture: bytes, path: Path) -> None:
    with Image.open(BytesIO(picture)) as image:
        pixels = image.convert("RGB")
    palette = pixels.quantize(COLOURS)
    pixels.quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG).save(path, optimize=True)


# ---------------------------------------------------------------- the views


def sign_in(visitor: Visitor, _: Path) -> None:
    visitor.page.get_by_role("button", name="admin ").wait_for()


def home(visitor: Visitor, _: Path) -> None:
    visitor.page.get_by_role("button", name="Open message").wait_for()


def conversation(visitor: Visitor, _: Path) -> None:
    visitor.go(f"#/conversations/{visitor.stack.description['conversation_id']}")
    pictures_shown(visitor)


def everything(visitor: Visitor, _: Path) -> None:
    visitor.go("#/everything")
    pictures_shown(visitor)


def activity(visitor: Visitor, _: Path) -> None:
    visitor.go("#/activity")
    visitor.page.locator("tr[data-action]").nth(3).wait_for()


def usage(visitor: Visitor, _: Path) -> None:
    visitor.go("#/usage")
    visitor.page.locator("tr[data-user]").first.wait_for()


def details(visitor: Visitor, folder: Path) -> None:
    conversation(visitor, folder)
    opened = visitor.open(VIDEO.name)
    opened.get_by_role("button", name=f"Play {VIDEO.name}").click()
    video = "document.querySelector('video')"
    visitor.until(lambda: visitor.page.evaluate(f"{video}?.currentTime > 2"))
    visitor.page.evaluate(f"{video}.pause()")


def deletion(visitor: Visitor, folder: Path) -> None:
    conversation(visitor, folder)
    visitor.open(VIDEO.name).get_by_role("button", name="Delete").click()
    visitor.page.get_by_role("alertdialog").wait_for()


def sending(visitor: Visitor, folder: Path) -> None:
    """Of three files, the smallest is there; the others are on their way."""
    visitor.go(f"#/messages/{visitor.stack.message()}")
    files = [folder / drawing.name for drawing in DRAWINGS[:3]]
    visitor.page.get_by_role("button", name="Send files").click()
    visitor.page.locator("input.uppy-Dashboard-input").first.set_input_files(files)
    visitor.page.locator(".uppy-Dashboard-Item").nth(len(files) - 1).wait_for()
    visitor.slow_upload(sum(file.stat().st_size for file in files) // 12)
    visitor.start()
    visitor.until(lambda: visitor.page.locator('.card[data-status="ready"]').count() >= 1)


def pictures_shown(visitor: Visitor) -> None:
    visitor.page.locator(".card img.picture.shown").nth(2).wait_for()


Look = Callable[[Visitor, Path], None]
VIEWS: Mapping[str, tuple[str | None, Look]] = {
    "sign-in": (None, sign_in),
    "open": ("sender", home),
    "conversation": ("sender", conversation),
    "everything": ("admin", everything),
    "activity": ("admin", activity),
    "usage": ("admin", usage),
    "details": ("sender", details),
    "deletion": ("sender", deletion),
    "sending": ("sender", sending),
}

if __name__ == "__main__":
    sys.exit(main())
