"""Files that hold pictures or films which lookalike cannot look into, told by their names."""

import os

from ..decode.sniff import RAW_EXTENSIONS

# Old ones and containers of their own; what is read is among RAW_EXTENSIONS.
_RAW = """
    ari bay bmq cap crw cs1 dc2 dcs drf eip gpr iiq k25 kc2 mdc mos mrw obm ptx pxn qtk raw rdc rw1 rwz srf
    sti x3f
"""
_VIDEO = """
    3g2 3gp asf avi braw crm dv flv insv m2ts m4v mkv mov mp mp4 mpe mpeg mpg mts mxf ogv r3d vob webm wmv
"""
_PICTURES = "afphoto bpg exr flif hdp insp jxl jxr kra pbm pgm pnm ppm qoi tga wdp xcf"

RAW = frozenset(_RAW.split()) | {name.decode()[1:] for name in RAW_EXTENSIONS}
VIDEO = frozenset(_VIDEO.split())
_UNREAD = frozenset(_RAW.split()) | VIDEO | frozenset(_PICTURES.split())


def unread_kind(name: bytes) -> str:
    """Return the ending of a RAW, a video or a picture that is not read, as in "X3F"; "" of any other file.

    Documents are none of it, nor are photos: see `ignore.PHOTO_EXTENSIONS`.
    """
    ending = os.path.splitext(name)[1][1:].decode("ascii", "replace")
    return ending.upper() if ending.lower() in _UNREAD else ""
