"""How the ffmpeg layer is built: what is in it, where its sources come from, each step.

making          one layer from nothing: all of the following
configuration   what FFmpeg can and cannot do in this build
sources         pinned tarballs, found in several places, always checked
toolchain       the compiler and the small programs around it
recipe          tarballs to one static binary
layer           what lies beside the binary
cache           finished layers, by a hash of all that shapes them
progress        one line a step; the end of the log when a step fails
"""
