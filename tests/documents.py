"""What the documents show of the program, and a machine on which it can be run."""

import os
import re
import shlex
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from lookalike.tests.indexer.embed import own_models
from lookalike.tests.library import TAKEN, Run, lookalike, run_on_terminal
from lookalike.tests.pictures import draw_photo, exif_with, save

ROOT = Path(__file__).resolve().parent.parent
MAKE, MODEL = 0x010F, 0x0110
# What is said of things that are not here, and what stands for it.
STAND_INS = {
    "curl -s https://example.org/x.jpg": "cat beach.jpg",
    "aws s3 rm": "echo",
    " --ray auto": "",
    "id:512": "id:1",
    "%h/": "~/",
    "$HOME/": "~/",
}
ON_TERMINAL = {"--preview", "--preview-as", "restore"}
RATED = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    '<rdf:Description xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/" '
    'xmp:Rating="5"><dc:subject><rdf:Bag><rdf:li>Lyon</rdf:li></rdf:Bag></dc:subject></rdf:Description>'
    "</rdf:RDF></x:xmpmeta>"
)
# Pictures to ask with: those of a line show the same.
ASKED_WITH = (
    "beach.jpg example.jpg a.jpg detail.jpg scan.tif print.jpg A B",
    "b.jpg rose.jpg rose1.jpg g1.jpg garden1.jpg",
    "c.jpg rose2.jpg g2.jpg garden2.jpg",
    "tulip.jpg park.jpg sunset1.jpg room.jpg",
    "sunset2.jpg",
    "sunset3.jpg",
)


def blocks_in(document: str) -> list[tuple[str, str]]:
    """Return the language and the text of the code blocks of a document; of a reference its examples."""
    guide, _, reference = (ROOT / document).read_text().partition("\n## Reference\n")
    blocks, described = (
        re.findall(r"^```(\w*)\n(.*?)^```", text, re.DOTALL | re.MULTILINE) for text in (guide, reference)
    )
    examples = [(language, block) for language, block in described if block.startswith(">>> ")]
    return blocks + [
        (language, re.sub(r"^(>>>|\.\.\.) ", "", block, flags=re.MULTILINE)) for language, block in examples
    ]


def calls_in(block: str) -> list[str]:
    """Return the lines that call lookalike or make a folder, without what starts them and remarks."""
    lines = [re.sub(r"^.*/bin/(?=lookalike )", "", line) for line in block.splitlines()]
    # What follows two blanks is a remark, not an argument.
    return [
        re.split(r" {2,}", line)[0] for line in lines if re.match(r"mkdir |(.* )?lookalike [a-z-]", line)
    ]


def calls_in_script(name: str) -> list[str]:
    """Return the calls in a script or a description of a job."""
    return [line.strip() for line in re.findall(r"\blookalike bulk [^|&'\n]*", (ROOT / name).read_text())]


@dataclass(frozen=True)
class Machine:
    """A folder that stands for the root of a computer: drives, a bucket, a home with photos."""

    top: Path

    @property
    def home(self) -> Path:
        return self.top / "home"

    def run(self, line: str) -> Run:
        """Run a line as a shell would: lookalike in this process, other programs of a pipe as they are."""
        stages, target = self._read(line)
        done = Run(0, b"", "")
        for words in stages:
            if words[0] != "lookalike":
                piped = subprocess.run(words, input=done.out, capture_output=True)
                done = Run(done.code or piped.returncode, piped.stdout, done.err + piped.stderr.decode())
            elif ON_TERMINAL & set(words):
                done = run_on_terminal(*words[1:], typed=b"y\n" if "restore" in words else b"")
            else:
                done = lookalike(*words[1:], stdin=done.out)
        if target:
            Path(target).write_bytes(done.out)
        return done

    def meant(self, text: str) -> str:
        """Return a text with what stands for things that are not here and places outside of the home."""
        for said, meant in STAND_INS.items():
            text = text.replace(said, meant)
        return re.sub(
            r"(?<![\w/])(s3:/)?/(?=(mnt|media|museum)/)", f"{self.top}/", os.path.expandvars(text)
        )

    def _read(self, line: str) -> tuple[list[list[str]], str]:
        """Return the words of each program in a pipe, and the file that the last one writes."""
        words = shlex.shlex(self.meant(line), posix=True, punctuation_chars="|>")
        words.whitespace_split = True
        stages: list[list[str]] = [[]]
        for word in words:
            if word == "|":
                stages.append([])
            else:
                stages[-1].append(os.path.expanduser(word))
        target = stages[-1].pop() if ">" in stages[-1] else ""
        return [[word for word in words if word != ">"] for words in stages], target


def furnish(machine: Machine) -> None:
    """Draw what the documents speak of: photos with copies, a card, drives, what one asks with."""
    home, pictures = machine.home, machine.home / "Pictures"
    phone = exif_with({MAKE: "Google", MODEL: "Pixel 7"}, exif={TAKEN: "2023:06:10 12:00:00"})
    for seed in range(8):
        save(pictures / f"2023/IMG_{seed}.jpg", draw_photo(seed, 320, 240), exif=phone, quality=92)
    (pictures / "2023/IMG_0.xmp").write_text(RATED)
    save(pictures / "mail/IMG_0.jpg", draw_photo(0, 200, 150), quality=80)
    save(pictures / "album/IMG_1.jpg", draw_photo(1, 320, 240).crop((20, 20, 300, 220)), quality=80)
    save(pictures / "garden/1.jpg", draw_photo(20, 320, 240))
    (pictures / "originals").mkdir()
    shutil.copy(pictures / "2023/IMG_2.jpg", pictures / "originals")
    for number, folder in enumerate(
        ("mnt/nas/photos", "mnt/usb/old", "mnt/old-disk", "media/usb", "museum/photos/2019")
    ):
        for seed in range(2):
            save(machine.top / folder / f"{seed}.jpg", draw_photo(30 + 2 * number + seed, 320, 240))
    for folder, quality in (("train", 90), ("test", 70)):
        save(home / folder / "1.jpg", draw_photo(50, 320, 240), quality=quality)
        save(home / folder / "2.jpg", draw_photo(50 + quality, 320, 240))
        shutil.copytree(home / folder, home / "data" / folder)
    save(home / "card/DCIM/1.jpg", draw_photo(1, 320, 240), quality=70)
    save(home / "card/DCIM/2.jpg", draw_photo(60, 320, 240))
    for seed, names in enumerate(ASKED_WITH):
        picture = draw_photo(seed, 480, 360)
        for name in names.split():
            save(home / name, picture, format=None if "." in name else "JPEG")
    save(home / "beach-small.jpg", draw_photo(0, 240, 180))
    save(home / "scene.jpg", picture.resize((1440, 1080)))
    shutil.copytree(pictures, home / "Photos")
    for name, keys in (("dinov2", {}), ("clip", own_models.TEXT)):
        own_models.make_model(home, **keys).rename(home / f"{name}.onnx")
        (home / "tiny.toml").rename(home / f"{name}.toml")
