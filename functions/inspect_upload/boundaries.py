"""The options that keep FFmpeg's programs within bounds while they read a stranger's file.

They may read over loopback HTTP and nothing else, with the one demuxer that sniffing named and
the decoders listed here: no format that can point at another file or address is reachable.
"""

PIXELS_MAX = 67_108_864  # of one video frame: 8192 by 8192
STREAMS_MAX = 64

NETWORK = (
    *("-protocol_whitelist", "http,tcp"),
    *("-recv_buffer_size", "65536"),
    *("-rw_timeout", "8000000"),  # microseconds
    *("-max_redirects", "0"),
)

# FFmpeg matches a demuxer by any of its names.
DEMUXER_NAMES = {"mov": "mov,mp4,m4a,3gp,3g2,mj2", "matroska": "matroska,webm"}

CODECS = ",".join(
    (
        "h264,hevc,vp8,vp9,libdav1d,theora,mpeg4,h263,mjpeg,mpeg1video,mpeg2video,prores",
        "png,gif,webp,webp_anim",
        "aac,aac_latm,mp3,mp3float,opus,vorbis,flac,alac,ac3,eac3",
        "pcm_u8,pcm_s8,pcm_s16le,pcm_s16be,pcm_s24le,pcm_s24be,pcm_s32le,pcm_s32be",
        "pcm_f32le,pcm_f32be,pcm_f64le,pcm_f64be,pcm_alaw,pcm_mulaw",
    )
)


# Without +ignidx, every fragment is walked. Without a limit, stream information is looked for in
# megabytes: a fragment has all of its pictures before all of its sound.
FRAGMENTED = ("-fflags", "+ignidx", "-analyzeduration", "500000")  # microseconds


def input_options(demuxer: str, *, fragmented: bool = False) -> tuple[str, ...]:
    """What both programs are told of the input; `demuxer` comes from sniffing."""
    return (
        *NETWORK,
        *("-f", demuxer, "-format_whitelist", DEMUXER_NAMES.get(demuxer, demuxer)),
        *("-codec_whitelist", CODECS, "-max_streams", str(STREAMS_MAX)),
        *("-max_pixels", str(PIXELS_MAX)),
        *(FRAGMENTED if fragmented else ()),
    )
