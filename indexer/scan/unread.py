"""Files that hold pictures or films which lookalike cannot look into, told by their names."""

import os

_RAW = """
    3fr ari arw bay bmq cap cr2 cr3 crw cs1 dc2 dcr dcs dng drf eip erf fff gpr iiq k25 kc2 kdc mdc mef
    mos mrw nef nrw obm orf ori pef ptx pxn qtk raf raw rdc rw1 rw2 rwl rwz sr2 srf srw sti x3f
"""
_VIDEO = """
    3g2 3gp asf avi braw crm dv flv insv m2ts m4v mkv mov mp mp4 mpe mpeg mpg mts mxf ogv r3d vob webm wmv
"""
_PICTURES = "afphoto bpg exr flif hdp insp jxl jxr kra pbm pgm pnm ppm psb psd qoi tga wdp xcf"

RAW = frozenset(_RAW.split())
VIDEO = frozenset(_VIDEO.split())
_UNREAD = RAW | VIDEO | frozenset(_PICTURES.split())


def unread_kind(name: bytes) -> str:
    """Return the ending of a RAW, a video or a picture that is not read, as in "CR2"; "" of any other file.

    Documents are none of it, nor are photos: see `ignore.PHOTO_EXTENSIONS`.
    """
    ending = os.path.splitext(name)[1][1:].decode("ascii", "replace")
    return ending.upper() if ending.lower() in _UNREAD else ""
