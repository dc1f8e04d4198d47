//! Ordinary text, in which nothing is to be found by any rule.

use super::{ALL, found};

#[track_caller]
fn check(text: &str) {
    let (rules, automaton) = &*ALL;
    let covered: Vec<_> = found(automaton, text)
        .iter()
        .map(|found| {
            let (start, end) = (found.span.start as usize, found.span.end as usize);
            (&rules[found.rule].id, &text[start..end])
        })
        .collect();
    assert!(covered.is_empty(), "{covered:?}");
}

#[test]
fn prose() {
    check(
        "The meeting of 12 March 2024 began at 09:30 and ended at 11:45. Of 1,204 members 318 voted, 61.5 %\n\
         in favour. The password policy asks for twelve characters; the secret of a good soup is patience,\n\
         and the key to the cellar hangs by the door. Call me when you are home, or text Anna. She was born\n\
         in 1990, one of 4 children. Chapter 10, pages 1990-2000, 3rd edition, ISBN 978-0-306-40615-7.\n\
         It is important to note that the token economy of 2019 2020 2021 was small: $1,250,000.50 in all.\n\
         Turn to page 42, then 43. Reset your password today! Is the password correct? The passport office\n\
         opens at 8. Her driving licence expires on 01/02/2031. The account was created in 2024.",
    );
}

#[test]
fn prose_in_other_languages() {
    check(
        "Das Passwort ist geheim. Der Schl\u{fc}ssel liegt unter der Matte. Geboren wurde er in Ulm.\n\
         Rufen Sie mich an, wenn Sie 12 oder 13 St\u{fc}ck brauchen. Am 3. Oktober 1990 war Feiertag.\n\
         Le mot de passe est oubli\u{e9}. N\u{e9} en 1950, il habite au 12, rue des Lilas, 75011 Paris.\n\
         La contrase\u{f1}a es secreta. Llame entre las 9:00 y las 17:00. Precio: 1.299,00 EUR.\n\
         パスワードを忘れた場合は、こちらをクリックしてください。2024年3月15日。\n\
         Пароль не подходит. Позвоните нам завтра в 10:00. Цена 1 500 руб.",
    );
}

#[test]
fn markdown_and_documentation() {
    check(
        "# Install\n\n```sh\ncargo add serde@1.0.219 --features derive\nnpm install react@18.2.0\n\
         docker run -u 1000:1000 -p 8080:80 nginx:1.27.4-alpine\ncurl -u \"$USER:$PASSWORD\" https://api.example.com/v1\n```\n\n\
         | option | default | meaning |\n|---|---|---|\n| `password` | none | read from `DB_PASSWORD` |\n\
         | `token` | `$TOKEN` | a bearer token |\n| `api_key` | required | see [keys](#api-keys) |\n\n\
         Set `Authorization: Bearer <token>` or `Bearer $API_TOKEN`. Use `sk-...` as the key and\n\
         `postgres://user:${PASSWORD}@localhost/db` as the address; `https://example.com:8443/a@b` works too.\n\
         See RFC 5280 section 4.1.2 and ISO 27001:2022. Images: icon@2x.png, icon@3x.png.\n\
         An AWS key begins with AKIA, one of GitHub with ghp_, of Slack with xoxb-. -----BEGIN CERTIFICATE-----",
    );
}

#[test]
fn code() {
    check(
        "import os, hashlib\n\nPASSWORD = os.environ[\"DB_PASSWORD\"]\napi_key = os.getenv('API_KEY')\n\
         token = hashlib.sha256(secret).hexdigest()\nsecret = base64.b64encode(raw)\npassword = getpass()\n\
         def login(user: str, password: str = None) -> Token:\n    key = f\"user:{user}:session\"\n\
         token_count = 128000\nmax_tokens: 4096\nid = uuid.uuid4()\n",
    );
    check(
        "let token = Token::new(lexer.next_token1(), Span { start: 10, end: 20 });\nlet key: [u8; 32] = hmac::HMAC_SHA256;\n\
         const PASSWORD_FIELDS = [\"password\", \"address1\", \"address2\"];\nconst apiKey = process.env.API_KEY;\n\
         if (password.length < 8) { throw new Error('password too short: min 8 chars'); }\n\
         std::vec::Vec::<u8>::with_capacity(1 << 20); a::b::c(); 0xdeadbeef; 1.2.3; v1.2.3-rc.1; x = 3.141592653589793\n\
         <input type=\"password\" name=\"password\" placeholder=\"Password\" autocomplete=\"new-password\">\n\
         $password = $_POST['password']; String secret = config.getString(\"secret\");\n\
         SELECT password, token FROM users WHERE id = 10234;\n",
    );
}

#[test]
fn data() {
    check(
        "{\"id\":\"01234567-89ab-4cde-8f01-23456789abcd\",\"created\":1700000000,\"created_ms\":1700000000123,\n\
         \"commit\":\"e0642d949891546a3bb7e47080365ee7274f05cd\",\"usage\":{\"prompt_tokens\":128,\"total_tokens\":4096},\n\
         \"price\":0.6011234567890123,\"score\":0.4111111111111111,\"lat\":48.137154,\"lon\":11.576124,\n\
         \"time\":\"2024-03-15T09:30:00.123Z\",\"model\":\"gpt-4o-2024-08-06\",\"system_fingerprint\":\"fp_44709d6fcb\",\n\
         \"order\":\"8572296973\",\"call\":\"call_abc\",\"key\":\"settings.general.title\",\"password\":null,\"token\":true}",
    );
    check(
        "order,customer,total\n1000234567,20017,19.99\n1000234568,20018,5.00\n\
         10 20 30 40 50 60 70 80\n2019 2020 2021 2022 2023\n100 200 300 400\n1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1\n\
         part 951-82-82674, batch 5325425266, tracking 1ZU444FV994JF104KX, 942958 rows, port 7738\n",
    );
}

#[test]
fn locks_hashes_and_assets() {
    check(
        "[[package]]\nname = \"serde\"\nversion = \"1.0.219\"\nsource = \"registry+https://github.com/rust-lang/crates.io-index\"\n\
         checksum = \"e2295ed2f9c31e471e1428a8f88a3f0e1f4b27c15049592138d1eebe9c35b183\"\n\
         \"integrity\": \"sha512-5XHYaSyiqADb4RnZ1Bdad6cPp8Toise4TzEjcOYDHZkTCbKgiUl7WTUCpNWHuxmDt91wnsZBc9xinNzopv3JMQ==\",\n\
         google.golang.org/api v0.41.0/go.mod h1:RkxM5lITDfTzmyKFPt+wGrCJbVfniCr2ool8kTBzRTU=\n\
         github.com/example/lib v0.0.0-20160708172513-aabc10ec26b7 h1:UhxFibDNY/bfvqU5CAUmr9zpesgbU6SWc8/B4mflAE4=\n\
         sha256:30707c02943e0309dd75ec365e310ad11308c2578ad199ee9ad67f37e9140186\n\
         d41d8cd98f00b204e9800998ecf8427e  empty.txt\nda39a3ee5e6b4b0d3255bfef95601890afd80709  empty.bin\n\
         SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU nobody\nassets/index-B7kQ2xYz.js\n\
         ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8g nobody\n\
         data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==\n",
    );
}

#[test]
fn logs() {
    check(
        "2024-03-15 09:30:00,123 INFO [main-1] server started on localhost:8080 (127.0.0.1), pid 48213, took 787 ms\n\
         [2024-03-15T09:30:01Z] GET /api/v1/users/10234?page=2&token=%s 200 1532 0.043\n\
         thread 'main' (4711) panicked at src/main.rs:42:13: index out of bounds: the len is 3\n\
         W0315 09:30:02.000123 12345 controller.go:120] requeue after 30s, attempt 3/10, password not set\n\
         Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36\n",
    );
}
