"""Where a container keeps its facts: index first or last, in fragments, or nowhere."""

from collections.abc import Callable

import pytest

from functions.inspect_upload.findings import Accepted
from tests.media.boxes import box_of, boxes, resized, without_webm_duration
from tests.media.clips import AAC, H264, MPEG4, OPUS, THEORA, VP8, clip, picture, sound

Accept = Callable[..., Accepted]
Refuse = Callable[..., str]

BOTH = (*picture(5), *sound(5))
FAST = ("-movflags", "+faststart")
FRAGMENTED = ("-g", "30", "-movflags", "+frag_keyframe+empty_moov+default_base_moof")
WITH_INDEX = ("-g", "30", "-movflags", "+frag_keyframe+dash+global_sidx")
NOISE = ("-f", "lavfi", "-i", "nullsrc=s=320x240:r=30:d=8,geq=random(1)*255:128:128")


def test_an_index_at_the_end_is_found_but_not_streamable(accept: Accept) -> None:
    last, first = clip("mp4", *BOTH, *H264, *AAC), clip("mp4", *BOTH, *H264, *AAC, *FAST)
    assert accept(last).media.streamable is False
    assert accept(first).media.streamable is True


@pytest.mark.parametrize("flags", [FRAGMENTED, WITH_INDEX], ids=["plain", "sidx"])
def test_a_fragmented_mp4_has_its_whole_duration(flags: tuple[str, ...], accept: Accept) -> None:
    media = accept(clip("mp4", *BOTH, *H264, *AAC, *flags)).media
    assert media.duration_ms == pytest.approx(5000, abs=60)
    assert media.frame_rate == pytest.approx(30, abs=0.1)
    assert media.streamable is True


def test_the_last_fragment_in_the_tail_of_a_longer_video_tells_the_duration(
    accept: Accept,
) -> None:
    data = clip("mp4", *NOISE, *H264, "-crf", "30", *FRAGMENTED)
    assert len(data) > 3_000_000
    finding = accept(data)
    assert finding.media.duration_ms == pytest.approx(8000, abs=60)
    assert finding.media.frame_rate == 30
    assert finding.media.bitrate_kbps == pytest.approx(len(data) / 1000, rel=0.05)
    assert finding.picture is not None
    assert finding.picture.at_ms == pytest.approx(1000, abs=40)


@pytest.mark.parametrize("flags", ["", "+skip_trailer"], ids=["mfra", "no index"])
def test_a_fragment_that_begins_before_the_tail_is_found(flags: str, accept: Accept) -> None:
    """Six seconds in one fragment: an index at the end points at it, or it is searched for."""
    long = ("-g", "180", "-movflags", f"+frag_keyframe+empty_moov+default_base_moof{flags}")
    data = clip("mp4", *NOISE, *H264, "-crf", "30", *long)
    assert b"moof" not in data[-512 * 1024 :]
    media = accept(data).media
    assert media.duration_ms == pytest.approx(8000, abs=60)
    assert media.frame_rate == 30


@pytest.mark.parametrize("extension", ["webm", "mkv"])
def test_a_live_recording_without_duration_is_measured_by_its_last_block(
    extension: str, accept: Accept
) -> None:
    data = clip(extension, *BOTH, *VP8, *OPUS, "-live", "1")
    media = accept(data).media
    assert media.duration_ms == pytest.approx(5000, abs=60)
    assert media.streamable is True
    assert media.bitrate_kbps == pytest.approx(len(data) * 8 / 5000, rel=0.05)


def test_a_recording_whose_last_cluster_begins_before_the_tail_is_measured(accept: Accept) -> None:
    arguments = (*VP8, "-b:v", "3M", "-g", "999", "-live", "1", "-cluster_time_limit", "30000")
    data = clip("webm", *NOISE, *arguments, "-cluster_size_limit", "50000000")
    assert len(data) > 2_000_000
    assert accept(data).media.duration_ms == pytest.approx(8000, abs=60)


def test_a_false_duration_in_a_webm_is_corrected_by_its_last_block(accept: Accept) -> None:
    data = without_webm_duration(clip("webm", *BOTH, *VP8, *OPUS))
    assert accept(data).media.duration_ms == pytest.approx(5000, abs=60)


@pytest.mark.parametrize("extension", ["mp4", "mov", "webm", "mkv", "avi", "ogv"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
def test_a_file_that_ends_early_is_refused_as_incomplete(
    extension: str, share: float, refuse: Refuse
) -> None:
    codec = {"webm": VP8, "ogv": THEORA, "avi": MPEG4}.get(extension, H264)
    data = clip(extension, *BOTH, *codec)
    assert "is incomplete" in refuse(data[: int(len(data) * share)])


@pytest.mark.parametrize(
    "flags", [(), FAST, FRAGMENTED], ids=["moov last", "moov first", "fragments"]
)
def test_an_mp4_cut_within_any_box_is_refused(flags: tuple[str, ...], refuse: Refuse) -> None:
    data = clip("mp4", *BOTH, *H264, *AAC, *flags)
    for kind, start, end in boxes(data):
        reason = refuse(data[: (start + end) // 2])
        assert "incomplete" in reason or "damaged" in reason or "not a video" in reason, kind


def test_a_missing_index_is_refused(refuse: Refuse) -> None:
    data = clip("mp4", *BOTH, *H264)
    start, _ = box_of(data, b"moov")
    assert "no index" in refuse(data[:start])


def test_an_open_ended_mdat_that_is_too_short_is_refused(refuse: Refuse) -> None:
    data = clip("mp4", *BOTH, *H264, *FAST)
    open_ended = resized(data, b"mdat", 0)
    assert "is incomplete" in refuse(open_ended[: len(data) // 2])


def test_an_open_ended_mdat_that_is_whole_is_accepted(accept: Accept) -> None:
    data = clip("mp4", *BOTH, *H264, *FAST)
    assert accept(resized(data, b"mdat", 0)).media.duration_ms == 5000


def test_a_box_that_claims_more_than_there_is_is_refused(refuse: Refuse) -> None:
    data = clip("mp4", *BOTH, *H264)
    assert "is incomplete" in refuse(resized(data, b"mdat", 0x7FFFFFFF))


def test_zeroed_frames_leave_a_ready_video_without_a_thumbnail(accept: Accept) -> None:
    data = clip("mp4", *BOTH, *H264, *AAC)
    start, end = box_of(data, b"mdat")
    finding = accept(data[: start + 8] + bytes(end - start - 8) + data[end:])
    assert finding.media.duration_ms == pytest.approx(5000, abs=60)
    assert (finding.media.width, finding.media.height) == (640, 360)
    assert finding.picture is None
    assert finding.note == "No picture of this video could be decoded."
