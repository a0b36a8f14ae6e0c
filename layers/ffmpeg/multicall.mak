# FFmpeg's own Makefile, unmodified, with ffprobe and the name switch linked into ffmpeg.
# See multicall.c.

OBJS-ffmpeg += fftools/ffprobe.o multicall.o

include Makefile

CLASHING = main program_name program_birth_year show_help_default
RENAMED = $(foreach N,$(CLASHING),-D$(N)=$(1)_$(N)) -Wno-error=missing-prototypes

fftools/ffmpeg.o fftools/ffmpeg_opt.o: CFLAGS += $(call RENAMED,ffmpeg)
fftools/ffprobe.o: CFLAGS += $(call RENAMED,ffprobe)
