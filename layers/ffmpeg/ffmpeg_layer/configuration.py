"""What FFmpeg can and cannot do in this build. Whatever is not named here is not compiled in.

The build reads files from strangers, so the lists are what phones, browsers and cameras make,
and no format that can name another file or address: HLS, DASH, concat, SDP and playlists are
left out, as are all protocols but those that read the one object.
"""

from typing import Literal

Architecture = Literal["x86_64", "arm64"]

FFMPEG_ARCHITECTURE: dict[Architecture, str] = {"x86_64": "x86_64", "arm64": "aarch64"}

# http reads through the loopback range server; there is no TLS in here, and no need for it.
PROTOCOLS = ("file", "pipe", "http", "tcp")

DEMUXERS = (
    # Video. mov is also MP4, M4A, 3GP, HEIF and AVIF; matroska is also WebM.
    *("mov", "matroska", "ogg", "avi"),
    # Audio alone.
    *("mp3", "wav", "flac", "aac"),
    # Pictures. webp_anim reads animated WebP, for its first frame.
    *("gif", "webp_anim", "image_jpeg_pipe", "image_png_pipe", "image_webp_pipe"),
)

VIDEO_DECODERS = (
    *("h264", "hevc", "vp8", "vp9", "libdav1d", "theora"),
    # Older phones and cameras, and 3GP.
    *("mpeg4", "h263", "mjpeg", "mpeg1video", "mpeg2video"),
    # iPhones and editing programs.
    "prores",
)

IMAGE_DECODERS = ("png", "gif", "webp", "webp_anim")  # JPEG is mjpeg, AVIF is libdav1d

AUDIO_DECODERS = (
    *("aac", "aac_latm", "mp3", "mp3float", "opus", "vorbis", "flac", "alac", "ac3", "eac3"),
    *("pcm_u8", "pcm_s8", "pcm_s16le", "pcm_s16be", "pcm_s24le", "pcm_s24be"),
    *("pcm_s32le", "pcm_s32be", "pcm_f32le", "pcm_f32be", "pcm_f64le", "pcm_f64be"),
    *("pcm_alaw", "pcm_mulaw"),
)

# Parsers find the frame boundaries that a container does not tell.
PARSERS = (
    *("h264", "hevc", "vp8", "vp9", "av1", "vp3", "mpeg4video", "h263", "mjpeg", "mpegvideo"),
    *("prores", "png", "gif", "webp"),
    *("aac", "aac_latm", "mpegaudio", "opus", "vorbis", "flac", "ac3"),
)

BITSTREAM_FILTERS = ("extract_extradata", "vp9_superframe_split", "null")

# Pictures and raw data come out of this build; no video is ever encoded.
ENCODERS = ("mjpeg", "png", "rawvideo", "wrapped_avframe", "pcm_s16le")
MUXERS = ("image2", "image2pipe", "rawvideo", "pcm_s16le", "null")

VIDEO_FILTERS = (
    *("scale", "format", "crop", "transpose", "hflip", "vflip", "rotate"),
    *("select", "thumbnail", "trim", "setpts", "setsar", "null", "copy"),
    # HDR to SDR in milliseconds; scale can map it too, in seconds. See README.md.
    *("lutrgb", "colorchannelmixer"),
)
AUDIO_FILTERS = ("aformat", "aresample", "anull", "atrim")  # for decoding audio to raw PCM

DECODERS = VIDEO_DECODERS + IMAGE_DECODERS + AUDIO_DECODERS
FILTERS = VIDEO_FILTERS + AUDIO_FILTERS

COMPONENTS = {
    "protocol": PROTOCOLS,
    "demuxer": DEMUXERS,
    "decoder": DECODERS,
    "parser": PARSERS,
    "bsf": BITSTREAM_FILTERS,
    "encoder": ENCODERS,
    "muxer": MUXERS,
    "filter": FILTERS,
}

# The commands named layer-* are written by toolchain.py and found through PATH, so that this
# line, which the binary prints with -version, is the same on every machine.
BUILD_OPTIONS = (
    "--cc=layer-cc",
    "--ar=layer-ar",
    "--ranlib=layer-ranlib",
    "--host-cc=layer-host-cc",
    "--pkg-config=layer-pkg-config",
    "--pkg-config-flags=--static",
    "--strip=true",  # the linker strips
    "--prefix=/opt",
    "--enable-cross-compile",
    "--target-os=linux",
    "--enable-static",
    "--disable-shared",
    "--disable-debug",
    "--disable-doc",
    "--disable-autodetect",  # nothing of the building machine gets in
    "--disable-resource-compression",
    "--disable-everything",
    "--disable-avdevice",
    "--disable-ffplay",
    "--disable-iconv",
    "--enable-network",
    "--enable-libdav1d",
    "--enable-zlib",  # PNG, and compressed headers in MOV and Matroska
    "--extra-cflags=-ffunction-sections -fdata-sections",
    # musl gives a thread 128 KiB of stack unless the program header asks for more.
    "--extra-ldflags=-static -s -Wl,--gc-sections -Wl,-z,stack-size=2097152",
)


def configure_arguments(architecture: Architecture, *, x86_assembly: bool) -> list[str]:
    """The arguments of FFmpeg's `configure`, components in the order of this file."""
    arguments = [*BUILD_OPTIONS, f"--arch={FFMPEG_ARCHITECTURE[architecture]}"]
    if architecture == "x86_64":
        arguments.append("--x86asmexe=nasm" if x86_assembly else "--disable-x86asm")
    arguments += [f"--enable-{kind}={','.join(names)}" for kind, names in COMPONENTS.items()]
    return arguments
