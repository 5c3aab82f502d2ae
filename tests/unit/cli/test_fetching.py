import datetime
import http.server
import io
import ipaddress
import ssl
import threading
import zipfile

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from cli.data.stress import fetching
from cli.data.stress.dreaddit import TEST_FILE, TRAIN_FILE
from cli.data.stress.fetching import Split, fetch
from cli.errors import OperatorError
from tests.unit.cli.conftest import DREADDIT_ROW, to_csv


def to_zip(files: dict[str, bytes]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return content.getvalue()


@pytest.fixture
def archive(tmp_path, train_csv, test_csv):
    path = tmp_path / "dreaddit.zip"
    path.write_bytes(to_zip({TRAIN_FILE: train_csv, TEST_FILE: test_csv}))
    return path


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "data" / "dreaddit"


def refusal(source, folder) -> str:
    with pytest.raises(OperatorError) as caught:
        fetch(str(source), folder)
    assert not folder.exists()
    return str(caught.value)


def test_both_files_of_a_zip_are_checked_and_written(archive, folder, train_csv):
    assert fetch(str(archive), folder) == {TRAIN_FILE: Split(2838), TEST_FILE: Split(715)}
    assert sorted(path.name for path in folder.iterdir()) == [TEST_FILE, TRAIN_FILE]
    assert (folder / TRAIN_FILE).read_bytes() == train_csv


def test_a_url_is_read_like_a_file(archive, folder):
    assert fetch(archive.as_uri(), folder) == {TRAIN_FILE: Split(2838), TEST_FILE: Split(715)}


def test_labelled_posts_of_another_data_set_are_rejected(tmp_path, folder):
    source = tmp_path / "train.jsonl"
    source.write_text('{"text": "a", "label": 1}\n' * 2838)
    assert "train.jsonl is not Dreaddit: its first row does not name subreddit" in refusal(
        source, folder
    )


def test_a_csv_of_any_other_name_is_read_as_the_training_split(tmp_path, folder, train_csv):
    (tmp_path / "stress.csv").write_bytes(train_csv)
    assert fetch(str(tmp_path / "stress.csv"), folder) == {TRAIN_FILE: Split(2838)}


def test_a_csv_named_like_the_test_split_is_read_as_the_test_split(tmp_path, folder, test_csv):
    (tmp_path / TEST_FILE).write_bytes(test_csv)
    assert fetch(str(tmp_path / TEST_FILE), folder) == {TEST_FILE: Split(715)}


def test_paths_in_a_zip_cannot_escape_the_folder(tmp_path, folder, train_csv):
    path = tmp_path / "slip.zip"
    path.write_bytes(
        to_zip({f"../../{TRAIN_FILE}": train_csv, "../evil.py": b"", "/etc/evil": b""})
    )
    assert fetch(str(path), folder) == {TRAIN_FILE: Split(2838)}
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert sorted(files) == sorted([path, folder / TRAIN_FILE])


def with_confidence_0(rows, count):
    """Return rows, some with confidence 0, as in the official test file."""
    columns = (*DREADDIT_ROW, "confidence")
    return to_csv(
        (
            DREADDIT_ROW | {"post_id": f"c{number}", "confidence": "0" if number < count else "1"}
            for number in range(rows)
        ),
        columns,
    )


@pytest.mark.parametrize(
    ("train_at", "test_at"),
    [
        ("{}", "{}"),
        ("dreaddit/{}", "dreaddit/{}"),
        ("a/b/train/{}", "__MACOSX/../test/{}"),
        ("data\\{}", "data\\{}"),
    ],
)
def test_both_splits_are_found_in_any_folder_of_the_zip(
    tmp_path, folder, train_csv, train_at, test_at
):
    path = tmp_path / "dreaddit.zip"
    test = with_confidence_0(715, 98)
    others = {"dreaddit/README": b"words", f"__MACOSX/._{TRAIN_FILE}": b"\0\5", "dreaddit/": b""}
    files = {train_at.format(TRAIN_FILE): train_csv, test_at.format(TEST_FILE): test}
    path.write_bytes(to_zip(others | files))
    assert fetch(str(path), folder) == {TRAIN_FILE: Split(2838), TEST_FILE: Split(715, 98)}
    assert (folder / TEST_FILE).read_bytes() == test
    assert (folder / TRAIN_FILE).read_bytes() == train_csv


def test_file_names_in_a_zip_are_case_insensitive(tmp_path, folder, train_csv):
    path = tmp_path / "dreaddit.zip"
    path.write_bytes(to_zip({"Dreaddit-Train.csv": train_csv}))
    assert fetch(str(path), folder) == {TRAIN_FILE: Split(2838)}


def test_duplicate_files_in_a_zip_are_rejected_unless_identical(tmp_path, folder, train_csv):
    path = tmp_path / "dreaddit.zip"
    path.write_bytes(to_zip({TRAIN_FILE: train_csv, f"old/{TRAIN_FILE}": train_csv[:-100]}))
    said = refusal(path, folder)
    assert f"holds different files of one name ({TRAIN_FILE}, old/{TRAIN_FILE})" in said
    path.write_bytes(to_zip({TRAIN_FILE: train_csv, f"copy/{TRAIN_FILE}": train_csv}))
    assert fetch(str(path), folder) == {TRAIN_FILE: Split(2838)}


def test_rows_with_confidence_0_are_reported():
    assert str(Split(2838)) == "2,838 posts"
    assert str(Split(715, 98)).startswith("715 posts, 98 of them with confidence 0: they count")


def test_an_older_copy_is_kept_when_the_new_one_is_rejected(archive, folder, tmp_path, train_csv):
    fetch(str(archive), folder)
    (tmp_path / TRAIN_FILE).write_bytes(b"damaged")
    with pytest.raises(OperatorError):
        fetch(str(tmp_path / TRAIN_FILE), folder)
    assert (folder / TRAIN_FILE).read_bytes() == train_csv


def test_a_truncated_file_is_rejected(tmp_path, folder, train_csv):
    lines = train_csv.splitlines(keepends=True)
    (tmp_path / TRAIN_FILE).write_bytes(b"".join(lines[:2000]))
    assert "has 1,999 rows where Dreaddit has 2,838" in refusal(tmp_path / TRAIN_FILE, folder)


def test_one_invalid_label_rejects_the_whole_zip(tmp_path, folder, train_csv, test_csv):
    wrong = to_csv([DREADDIT_ROW | {"label": "3"}])
    path = tmp_path / "dreaddit.zip"
    path.write_bytes(to_zip({TRAIN_FILE: train_csv, TEST_FILE: wrong}))
    said = refusal(path, folder)
    assert said.startswith(f"{TEST_FILE} holds no labelled post")
    assert "Line 2: label must be 0 or 1" in said


def test_a_zip_with_damage_anywhere_is_rejected(archive, folder):
    whole = archive.read_bytes()
    for place in (10, len(whole) // 2, len(whole) - 30):
        archive.write_bytes(whole[:place])
        assert "is a damaged zip" in refusal(archive, folder)
    damage = len(whole) // 2
    archive.write_bytes(whole[:damage] + bytes(64) + whole[damage + 64 :])
    assert "is a damaged zip" in refusal(archive, folder)


def test_an_encrypted_zip_is_rejected(archive, folder):
    content = bytearray(archive.read_bytes())
    central = content.index(b"PK\x01\x02")
    content[6] |= 1
    content[central + 8] |= 1
    archive.write_bytes(content)
    assert "is encrypted" in refusal(archive, folder)


def test_a_zip_without_the_training_split_is_rejected(tmp_path, folder, test_csv):
    path = tmp_path / "other.zip"
    path.write_bytes(to_zip({TEST_FILE: test_csv}))
    assert f"does not contain {TRAIN_FILE}" in refusal(path, folder)


def test_a_zip_bomb_is_not_unpacked(tmp_path, folder, monkeypatch):
    monkeypatch.setattr(fetching, "MAXIMUM_BYTES", 100_000)
    path = tmp_path / "bomb.zip"
    path.write_bytes(to_zip({TRAIN_FILE: bytes(200_000)}))
    assert path.stat().st_size < 100_000
    assert "unpacks to over 100,000 bytes" in refusal(path, folder)


def test_a_file_above_the_size_limit_is_rejected(tmp_path, folder, monkeypatch):
    monkeypatch.setattr(fetching, "MAXIMUM_BYTES", 1000)
    (tmp_path / "large.csv").write_bytes(bytes(5000))
    assert "it has over 1,000 bytes" in refusal(tmp_path / "large.csv", folder)


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        ("missing.zip", "No such file"),
        (".", "directory"),
        ("file:///no/such/dreaddit.zip", "No such file"),
        ("ftp://127.0.0.1/dreaddit.zip", "only http, https and file addresses"),
    ],
)
def test_an_unreadable_source_is_rejected_with_what_to_do_instead(source, complaint, folder):
    message = refusal(source, folder)
    assert complaint in message
    assert message.endswith("Pass the data set's zip or CSV file to --from.")
    assert "Errno" not in message


@pytest.mark.parametrize(
    ("source", "complaint"),
    [("http://127.0.0.1:9/dreaddit.zip", "Connection refused"), ("http://", "no host given")],
)
def test_a_failed_download_is_reported_with_two_offline_alternatives(source, complaint, folder):
    message = refusal(source, folder)
    assert message.startswith(f"{source} cannot be downloaded: {complaint}. Check the network")
    assert "`stresswatch data fetch --from FILE`" in message
    assert "`stresswatch data synthesize train.jsonl stream.jsonl`" in message


def test_a_folder_that_cannot_be_written_is_named_in_the_error(archive, tmp_path):
    (tmp_path / "taken").write_bytes(b"")
    with pytest.raises(OperatorError, match="taken cannot be written"):
        fetch(str(archive), tmp_path / "taken")


def certificate(folder):
    """Write a self-signed certificate for this machine's address, and its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "inspection")])
    day = datetime.timedelta(days=1)
    now = datetime.datetime.now(datetime.UTC)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - day)
        .not_valid_after(now + day)
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem, unencrypted = serialization.Encoding.PEM, serialization.NoEncryption()
    path = folder / "inspection.pem"
    path.write_bytes(
        made.public_bytes(pem)
        + key.private_bytes(pem, serialization.PrivateFormat.PKCS8, unencrypted)
    )
    return path


@pytest.fixture
def inspected(archive, tmp_path):
    """Serve the zip over HTTPS under its own certificate; yield its address and the certificate."""
    path = certificate(tmp_path)

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments):
            super().__init__(*arguments, directory=str(archive.parent))

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"https://127.0.0.1:{server.server_port}/{archive.name}", path
        server.shutdown()


def test_a_certificate_named_in_ssl_cert_file_is_trusted(inspected, folder, monkeypatch):
    address, trusted = inspected
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    assert fetch(address, folder) == {TRAIN_FILE: Split(2838), TEST_FILE: Split(715)}


def test_an_untrusted_certificate_is_rejected_with_the_remedy(inspected, folder):
    address, _ = inspected
    message = refusal(address, folder)
    assert "CERTIFICATE_VERIFY_FAILED" in message
    assert "name it in SSL_CERT_FILE. You can also download the file in a browser" in message
