"""The download, from a local server that can misbehave."""

import inspect
import io
import socket
import tarfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
from PIL import Image

from ganblocks.data import cmp
from ganblocks.data.cmp import CMP_COUNTS, download_cmp_facades
from ganblocks.data.paired import PairedImageDataset
from ganblocks.errors import DataError

COUNTS = {"train": 3, "val": 2, "test": 1}


def archive_of(members):
    """A .tar.gz as bytes, of names and contents."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz", compresslevel=0) as archive:
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


def jpeg(size=(512, 256)):
    file = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    Image.fromarray(noise).save(file, "JPEG", quality=10)
    return file.getvalue()


def facades(counts=COUNTS, size=(512, 256)):
    picture = jpeg(size)
    return {f"facades/{s}/{i}.jpg": picture for s, n in counts.items() for i in range(1, n + 1)}


class Server(ThreadingHTTPServer):
    """Serves one body; records the requested ranges and the bytes sent."""

    daemon_threads = True
    body = b""
    ranges = True
    break_after = None
    status = 200

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.requests = []
        self.sent = 0

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/facades.tar.gz"


class Handler(BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_GET(self):
        server = self.server
        wanted = self.headers.get("Range")
        server.requests.append(wanted)
        if server.status != 200:
            self.send_error(server.status)
            return
        start = int(wanted[6:-1]) if wanted and server.ranges else 0
        if start >= len(server.body) > 0:
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(server.body)}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(206 if start else 200)
        if start:
            last = len(server.body) - 1
            self.send_header("Content-Range", f"bytes {start}-{last}/{len(server.body)}")
        self.send_header("Content-Length", str(len(server.body) - start))
        self.end_headers()
        body = server.body[start:]
        if server.break_after is not None:
            body = body[: server.break_after]
        server.sent += len(body)  # before the client can have it all
        self.wfile.write(body)


@pytest.fixture
def server():
    with Server() as server:
        server.body = archive_of(facades())
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def left_in(root):
    return sorted(path.name for path in root.iterdir())


def test_the_real_dataset_is_the_default():
    assert CMP_COUNTS == {"train": 400, "val": 100, "test": 106}
    assert inspect.signature(download_cmp_facades).parameters["counts"].default is CMP_COUNTS


def test_a_full_download(server, tmp_path, capsys):
    root = tmp_path / "new" / "folder"
    folder = download_cmp_facades(root, url=server.url, counts=COUNTS)
    assert folder == root / "facades"
    assert left_in(root) == ["facades"]
    for split, count in COUNTS.items():
        assert len(PairedImageDataset(folder, split=split)) == count
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "facades.tar.gz" in printed.err  # the progress bar


def test_a_complete_folder_is_left_alone(server, tmp_path):
    download_cmp_facades(tmp_path, url=server.url, counts=COUNTS)
    download_cmp_facades(tmp_path, url=server.url, counts=COUNTS)
    assert len(server.requests) == 1


def test_it_resumes_after_a_broken_connection(server, tmp_path):
    server.break_after = 70_000
    with pytest.raises(DataError, match=r"Try again, or download facades.tar.gz manually"):
        download_cmp_facades(tmp_path, url=server.url, counts=COUNTS)
    assert left_in(tmp_path) == ["facades.tar.gz.part"]
    assert (tmp_path / "facades.tar.gz.part").read_bytes() == server.body[:70_000]
    server.break_after = None
    download_cmp_facades(tmp_path, url=server.url, counts=COUNTS)
    assert server.requests == [None, "bytes=70000-"]
    assert server.sent == len(server.body)
    assert left_in(tmp_path) == ["facades"]


def test_a_server_without_range_starts_over(server, tmp_path):
    (tmp_path / "facades.tar.gz.part").write_bytes(server.body[:70_000])
    server.ranges = False
    download_cmp_facades(tmp_path, url=server.url, counts=COUNTS)
    assert server.sent == len(server.body)
    assert left_in(tmp_path) == ["facades"]


def test_a_part_that_is_already_whole_is_unpacked(server, tmp_path):
    (tmp_path / "facades.tar.gz.part").write_bytes(server.body)
    download_cmp_facades(tmp_path, url=server.url, counts=COUNTS)
    assert server.sent == 0
    assert left_in(tmp_path) == ["facades"]


def test_a_part_longer_than_the_archive_is_thrown_away(server, tmp_path):
    (tmp_path / "facades.tar.gz.part").write_bytes(b"x" * (len(server.body) + 5))
    download_cmp_facades(tmp_path, url=server.url, counts=COUNTS)
    assert server.requests[1:] == [None]
    assert left_in(tmp_path) == ["facades"]


def broken_middle():
    body = bytearray(archive_of(facades()))
    body[len(body) // 2 :] = bytes(len(body) - len(body) // 2)
    return bytes(body)


def one_wrong_byte():
    body = bytearray(archive_of(facades()))
    body[len(body) // 2] ^= 1
    return bytes(body)


BAD_ARCHIVES = {
    "a page": lambda: b"<html>moved</html>",
    "a broken middle": broken_middle,
    "one wrong byte": one_wrong_byte,
    "trailing bytes": lambda: archive_of(facades()) + b"x" * 100,
    "a missing end": lambda: archive_of(facades())[:-40],
    "an empty body": lambda: b"",
    "an escaping path": lambda: archive_of({**facades(), "../escaped.jpg": jpeg()}),
    "a wrong count": lambda: archive_of(facades({**COUNTS, "val": 1})),
    "a missing split": lambda: archive_of(facades({"train": 3, "val": 2})),
    "a wrong size": lambda: archive_of(facades(size=(256, 256))),
    "a broken picture": lambda: archive_of({**facades(), "facades/val/1.jpg": b"x"}),
    "many small files": lambda: archive_of({**facades(), **{f"x/{i}": b"" for i in range(200)}}),
    "another folder": lambda: archive_of({"other/train/1.jpg": jpeg()}),
}


@pytest.mark.parametrize("kind", BAD_ARCHIVES)
def test_a_bad_archive_leaves_nothing_behind(server, tmp_path, kind):
    root = tmp_path / "root"
    server.body = BAD_ARCHIVES[kind]()
    with pytest.raises(DataError, match=r"is not the facades \(.*manually"):
        download_cmp_facades(root, url=server.url, counts=COUNTS)
    assert left_in(root) == []
    assert left_in(tmp_path) == ["root"]


@pytest.mark.slow
@pytest.mark.parametrize("bomb", ["a file", "a name"])
def test_a_bomb_is_not_unpacked(server, tmp_path, bomb, monkeypatch):
    """Two files of a thousand times their packed size: 100 MB of zeros, or of a name."""
    monkeypatch.setattr(cmp, "MOST_BYTES", 10_000_000)
    packed, big = io.BytesIO(), 100_000_000
    with tarfile.open(fileobj=packed, mode="w:gz", format=tarfile.PAX_FORMAT) as archive:
        entry = tarfile.TarInfo("facades/x" if bomb == "a file" else "x" * big)
        entry.size = big if bomb == "a file" else 0
        archive.addfile(entry, io.BytesIO(bytes(entry.size)))
    server.body = packed.getvalue()
    assert len(server.body) < big / 500
    with pytest.raises(DataError, match="more than 9 MiB"):
        download_cmp_facades(tmp_path, url=server.url, counts=COUNTS)
    assert left_in(tmp_path) == []


def test_a_server_without_https_is_asked_by_http(server, tmp_path):
    url = server.url.replace("http:", "https:")
    assert download_cmp_facades(tmp_path, url=url, counts=COUNTS).is_dir()


def test_a_wrong_count_is_reported(server, tmp_path):
    server.body = archive_of(facades({**COUNTS, "val": 1}))
    with pytest.raises(DataError, match=r"val has 1 images instead of 2"):
        download_cmp_facades(tmp_path, url=server.url, counts=COUNTS)


def test_a_port_that_nobody_listens_on(tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/facades.tar.gz"
    with pytest.raises(DataError) as caught:
        download_cmp_facades(tmp_path, url=url, counts=COUNTS)
    message = str(caught.value)
    assert "\n" not in message
    assert url in message
    assert f"unpack it in {tmp_path}, so that {tmp_path / 'facades/train/1.jpg'} exists" in message
    assert left_in(tmp_path) == []


@pytest.mark.parametrize("status", [404, 416, 503])
def test_a_refusal(server, tmp_path, status):
    server.status = status
    with pytest.raises(DataError, match=f"HTTP Error {status}"):
        download_cmp_facades(tmp_path, url=server.url, counts=COUNTS)
    assert left_in(tmp_path) == []


def test_a_server_that_does_not_answer(tmp_path, monkeypatch):
    monkeypatch.setattr(cmp, "TIMEOUT_S", 0.2)
    with socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))
        mute.listen()
        url = f"http://127.0.0.1:{mute.getsockname()[1]}/facades.tar.gz"
        with pytest.raises(DataError, match="timed out"):
            download_cmp_facades(tmp_path, url=url, counts=COUNTS)


def test_an_invalid_address(tmp_path):
    with pytest.raises(DataError, match="manually"):
        download_cmp_facades(tmp_path, url="facades.tar.gz", counts=COUNTS)


def test_an_incomplete_folder_is_neither_used_nor_touched(server, tmp_path):
    picture = tmp_path / "facades" / "train" / "1.jpg"
    picture.parent.mkdir(parents=True)
    picture.write_bytes(jpeg())
    with pytest.raises(DataError, match=r"train has 1 images instead of 3\). Move it away"):
        download_cmp_facades(tmp_path, url=server.url, counts=COUNTS)
    assert picture.read_bytes() == jpeg()
    assert server.requests == []


def test_a_root_that_cannot_be_made(server, tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(DataError, match="manually"):
        download_cmp_facades(tmp_path / "file", url=server.url, counts=COUNTS)


def test_a_python_that_cannot_unpack_safely_keeps_the_download(server, tmp_path, monkeypatch):
    monkeypatch.delattr(tarfile, "data_filter")
    with pytest.raises(DataError, match=r"needs Python 3\.11\.4"):
        download_cmp_facades(tmp_path, url=server.url, counts=COUNTS)
    assert (tmp_path / "facades.tar.gz.part").read_bytes() == server.body
    assert left_in(tmp_path) == ["facades.tar.gz.part"]
