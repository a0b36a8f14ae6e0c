/*
 * One program, two names: ffmpeg and ffprobe share every library and the command line code.
 *
 * multicall.mak compiles the two tools with their clashing names prefixed; the shared code
 * finds the plain names here, set to the tool that argv[0] asks for.
 */
#include <string.h>

int ffmpeg_main(int argc, char **argv);
int ffprobe_main(int argc, char **argv);
void show_help_default(const char *opt, const char *arg);
void ffmpeg_show_help_default(const char *opt, const char *arg);
void ffprobe_show_help_default(const char *opt, const char *arg);

char program_name[sizeof "ffprobe"] = "ffmpeg";
int program_birth_year = 2000;

static int is_ffprobe;

void show_help_default(const char *opt, const char *arg)
{
    if (is_ffprobe)
        ffprobe_show_help_default(opt, arg);
    else
        ffmpeg_show_help_default(opt, arg);
}

int main(int argc, char **argv)
{
    const char *slash = argc ? strrchr(argv[0], '/') : NULL;
    const char *name = slash ? slash + 1 : argc ? argv[0] : "";

    is_ffprobe = !strcmp(name, "ffprobe");
    if (!is_ffprobe)
        return ffmpeg_main(argc, argv);
    strcpy(program_name, "ffprobe");
    program_birth_year = 2007;
    return ffprobe_main(argc, argv);
}
