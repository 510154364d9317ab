"""What cameras and programs write by themselves: texts that nobody wrote, and the marks of editors."""

import re

_EDITOR = (
    r"(?:photoshop|lightroom|adobe (?:camera raw|bridge|express|imageready)|\bgimp\b|darktable|rawtherapee|"
    r"capture one|snapseed|picasa|affinity|pixelmator|luminar|\bdxo\b|nik collection|photolab|photoscape|"
    r"paint ?shop|\bcorel|acdsee|acd systems|paint\.net|microsoft (?:windows )?photo|windows photo|"
    r"ms ?paint|aperture|iphoto|^photos \d|\bvsco\b|instagram|digikam|showfoto|imagemagick|graphicsmagick|"
    r"\bcanva\b|picsart|polarr|\bfotor\b|befunky|pixlr|facetune|faststone|irfanview|xnview|\bkrita\b|"
    r"topaz (?:labs|photo)|silkypix|viewnx|nx studio|capture nx|digital photo professional|photodirector|"
    r"photomatix|hdrsoft|aurora hdr|ptgui|\bhugin\b|microsoft ice|helicon|zerene|\bmeitu\b|beautyplus|"
    r"camscanner|gthumb|shotwell|photo ?editor|photo ?studio|photoimpact|photo ?filtre|inpixio|"
    r"movavi|\bremini\b)"
)
_EDITORS = re.compile(_EDITOR, re.IGNORECASE)
_ENCODER = (
    r"(?:gd-jpeg|intel\(r\)|lead technologies|lavc\d|lavf\d|ffmpeg|jpegmini|jpeg-recompress|mozjpeg|ezgif|"
    r"gifsicle|"
    r"tiny(?:png|jpg)|handmade software|xv version|kodak jpeg|jpeg encoder|ulead|macromedia|fireworks|"
    r"openjpeg|kakadu|jasper|microsoft office|matlab|ebay|cwebp|libwebp|inkscape|matplotlib)"
)

# Said whole: nobody looks for a photo by these.
_STOCK = re.compile(
    r"(?:\w+[ _-]?){0,3}?(?:digital|still|action)[ _-]*cam(?:era)?|"
    r"olympus|(?:\w+ )?dsc(?: picture)?|samsung|sanyo|kodak|pentax|minolta|exif_?jpeg(?:_?picture)?|"
    r"default|untitled|none|null|"
    r"n/a|unknown|screenshot|apple\s?mark|(?:charset=)?ascii|unicode|(?:oplus|oppo)_\d+|"
    r"(?:cof|hdr|hdrpl|edf|dav|mde|oznor|sdr|rbt|ptr|btf|bsh|nor)(?:_(?:soft|vivid?|norm))?",
    re.IGNORECASE,
)
_MADE = re.compile(
    r"dcim[\\/]|filter: ?-?\d+;|\{\"(?:map\w+|mirror|sensor_type|filterInfo)\"|"
    rf"(?:creator: ?|software: ?|file written by |comment: ?)?(?:adobe )?(?:{_ENCODER}|{_EDITOR})|"
    r"(?:created|made|edited|processed|saved|written|generated|encoded|optimi[sz]ed|compressed|resized) "
    rf"(?:with|by|using|on|in) (?:the )?.{{0,20}}(?:{_ENCODER}|{_EDITOR})",
    re.IGNORECASE,
)
_LONGEST_STOCK = 60  # characters
_LETTER = re.compile(r"[^\W_]")


def is_by_a_program(text: str) -> bool:
    """Tell whether a caption or a comment was written by a camera or an encoder, or is no words at all."""
    line = text.strip()
    is_stock = len(line) <= _LONGEST_STOCK and _STOCK.fullmatch(line)
    return not _LETTER.search(line) or bool(is_stock or _MADE.match(line))


def is_editor(software: str) -> bool:
    """Tell whether the name of a program is that of an editor of photos."""
    return bool(_EDITORS.search(software))
