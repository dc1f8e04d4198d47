#!/usr/bin/env python3
"""What the manifests under istio/ do in a real mesh. Each scenario stands alone, cleans up after itself, and prints what it saw.

    scenarios.py            runs all
    scenarios.py NAME…      runs some
    scenarios.py --list     names them

Run `lab/build.sh`, `lab/lab.sh up`, `lab/lab.sh istio` and `lab/lab.sh guard BINARY` first.
"""

import json
import os
import pathlib
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
LAB = HERE / "lab" / "lab.sh"
CACHE = pathlib.Path(os.environ.get("TIDEGATE_MESH_CACHE", pathlib.Path.home() / ".cache/tidegate/mesh"))
TIDEGATE = os.environ.get("TIDEGATE_BINARY", str(ROOT / "target/release/tidegate"))
os.environ["KUBECONFIG"] = str(CACHE / "run/admin.kubeconfig")

MODEL = "http://model.team-a:8000"
CHAT = MODEL + "/v1/chat/completions"
ON = 'tidegate.dev/inbound=on'
SCENARIOS = []


def scenario(function):
    SCENARIOS.append(function)
    return function


# What scenarios are made of.


def run(*command, check=True, **more):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, **more)
    if check and done.returncode != 0:
        raise AssertionError(f"{' '.join(map(str, command))}: exit {done.returncode}\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done


def kubectl(*arguments, **more):
    return run("kubectl", *arguments, **more).stdout


def overlay(name):
    return ROOT / "istio/overlays" / name


def rolled_out(namespace, *names):
    for name in names:
        kubectl("-n", namespace, "rollout", "status", f"deploy/{name}", "--timeout=180s")


def pod(namespace, app):
    names = kubectl("-n", namespace, "get", "pod", "-l", app, "--field-selector=status.phase=Running", "-o", "name").split()
    assert names, f"no pod {app} in {namespace}"
    return f"{namespace}/{names[0].removeprefix('pod/')}"


def inside(place, *command, **more):
    """A program of this machine in a pod's network, behind its sidecar."""
    return run(LAB, "net", place, *command, **more)


def load(seconds, clients=4, url=CHAT, place=None):
    """Starts asking from the app's pod; .counts() waits for the end."""
    return Load(seconds, clients, url, place or pod("team-a", "app=app"))


class Load:
    def __init__(self, seconds, clients, url, place):
        self.child = subprocess.Popen(
            [str(LAB), "net", place, str(CACHE / "bin/tool"), "load", url, str(seconds), str(clients)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def counts(self):
        out, err = self.child.communicate()
        assert out.strip(), err
        return json.loads(out.strip().splitlines()[-1])


def all_well(counts):
    assert counts["Requests"] > 0 and counts["Failed"] == 0 and counts["Cut"] == 0, counts


def mark(selector, label, namespace="team-a"):
    """Labels pods that run: their proxies take the filter without a restart."""
    kubectl("-n", namespace, "label", "pod", "-l", selector, "--overwrite", label)


def canary(place=None, url=CHAT, wait=0):
    done = inside(place or pod("team-a", "app=app"), TIDEGATE, "canary", "--url", url, "--wait", wait, check=False)
    assert done.returncode in (0, 1), done.stderr
    return done.returncode == 0


def until(what, ask, seconds=60):
    end = time.time() + seconds
    while not ask():
        assert time.time() < end, f"waited in vain until {what}"
        time.sleep(1)


def fresh():
    """team-a as it is before there is a guard."""
    for namespace in ("team-a", "team-b", "team-c", "tidegate-system"):
        # Nobody waits for drains here.
        run("kubectl", "-n", namespace, "delete", "pod,deploy", "--all", "--grace-period=1", "--force", check=False)
        kubectl("delete", "ns", namespace, "--ignore-not-found", "--wait=true", "--timeout=120s")
    kubectl("-n", "istio-system", "delete", "envoyfilter", "--all", "--ignore-not-found")
    kubectl("apply", "-f", HERE / "fixtures/team-a/team-a.yaml")
    rolled_out("team-a", "model", "app")


def apply(path):
    kubectl("apply", "-k", path)


def mode(expected, url=CHAT):
    """Waits until every replica of the guard answers under this mode."""
    def is_so():
        counts = load(2, 2, url).counts()
        all_well(counts)
        key, other = ("Redacted", "Plain") if expected == "enforce" else ("Plain", "Redacted")
        return counts[key] > 0 and counts[other] == 0
    until(f"the guard is in {expected}", is_so, 120)


# The scenarios.


@scenario
def server_side():
    """The API server and istiod's webhook take every overlay (dry run against the real types)."""
    for namespace in ("team-a", "tidegate-system"):
        run("kubectl", "create", "ns", namespace, check=False)
    for path in sorted((ROOT / "istio/overlays").iterdir()):
        kubectl("apply", "--dry-run=server", "-k", path)
        print(f"  {path.name}: taken")


@scenario
def namespace_rollout():
    """From nothing to shadow to enforce and back, under load, without one failed request."""
    fresh()
    before = load(3).counts()
    all_well(before)
    assert before["Plain"] == before["Ok"], before
    work = load(100, 3)
    apply(overlay("namespace-shadow"))
    rolled_out("team-a", "tidegate")
    assert not canary(), "nobody is guarded before its pods are labelled"
    mark("app=model", ON)
    until("old and new connections are guarded", lambda: canary(wait=50), 60)
    mode("shadow")
    print("  shadow: guarded, nothing changed")
    apply(overlay("namespace-enforce"))
    mode("enforce")
    print("  enforce: redacted")
    apply(overlay("namespace-shadow"))
    mode("shadow")
    mark("app=model", "tidegate.dev/inbound-")
    until("the guard is out of the path", lambda: not canary())
    counts = work.counts()
    print(f"  under it all: {counts}")
    all_well(counts)
    assert counts["Redacted"] > 0 and counts["Plain"] > 0, counts


def guarded():
    """team-a, enforcing, with both model pods and the app's calls to them guarded inbound."""
    fresh()
    apply(overlay("namespace-enforce"))
    rolled_out("team-a", "tidegate")
    mark("app=model", ON)
    until("it is guarded", lambda: canary(wait=50), 60)
    mode("enforce")


@scenario
def sdk_over_mtls():
    """The official SDK, unmodified, in the app's network: STRICT mTLS, whole and streamed, guarded inbound."""
    guarded()
    code = (
        "import openai\n"
        f"client = openai.OpenAI(base_url='{MODEL}/v1', api_key='x')\n"
        "ask = dict(model='lab', messages=[{'role': 'user', 'content': 'I am sam.roe@example.org'}])\n"
        "print(client.chat.completions.create(**ask).choices[0].message.content)\n"
        "print(''.join(c.choices[0].delta.content or '' for c in client.chat.completions.create(stream=True, **ask)))\n"
    )
    packages = sorted((pathlib.Path.home() / ".cache/tidegate/python").glob("*openai*"))
    assert packages, "the SDKs are installed by `cargo test --test e2e`"
    libraries = [packages[-1], *packages[-1].glob("lib/python*/site-packages")]
    environment = "PYTHONPATH=" + ":".join(map(str, libraries))
    said = inside(pod("team-a", "app=app"), "env", environment, "python3", "-c", code).stdout.splitlines()
    wanted = "You said: I am [EMAIL]. Write to [EMAIL] and wait for an answer."
    assert said == [wanted, wanted], said
    log = kubectl("-n", "team-a", "logs", "-l", "app.kubernetes.io/name=tidegate", "-c", "tidegate", "--tail=50")
    assert "sam.roe" not in log and "jane.doe" not in log, "text of a body in the log"
    plain = run("curl", "-s", "-m", "5", "-o", "/dev/null", "-w", "%{http_code}", f"http://{address('app=model')}:8000/healthz", check=False)
    assert plain.stdout == "000", f"STRICT mTLS lets plain text in: {plain.stdout}"
    print(f"  {wanted}")


def address(app, namespace="team-a"):
    return kubectl("-n", namespace, "get", "pod", "-l", app, "-o", "jsonpath={.items[0].status.podIP}")


@scenario
def replicas():
    """Two guards: one restarts gracefully without a failed request; one is killed, and nothing passes unguarded."""
    guarded()
    work = load(45, 3)
    kubectl("-n", "team-a", "rollout", "restart", "deploy/tidegate")
    rolled_out("team-a", "tidegate")
    counts = work.counts()
    print(f"  restart: {counts}")
    all_well(counts)
    assert counts["Plain"] == 0, counts
    work = load(20, 3)
    time.sleep(3)
    victim = pod("team-a", "app.kubernetes.io/name=tidegate").split("/")[1]
    kubectl("-n", "team-a", "delete", "pod", victim, "--grace-period=0", "--force", check=False)
    counts = work.counts()
    print(f"  kill: {counts}")
    assert counts["Plain"] == 0, counts
    assert counts["Ok"] > 20 * (counts["Failed"] + counts["Cut"]), counts
    rolled_out("team-a", "tidegate")
    all_well(load(3).counts())


@scenario
def app_restart():
    """`kubectl rollout restart` of the guarded model under load, streams included."""
    guarded()
    # Labels on pods end with them: the template has to say it too.
    kubectl("-n", "team-a", "patch", "deploy/model", "--type=merge", "-p",
            json.dumps({"spec": {"template": {"metadata": {"labels": {"tidegate.dev/inbound": "on"}}}}}))
    rolled_out("team-a", "model")
    until("it is guarded", lambda: canary(wait=50), 60)
    work = load(40, 3)
    kubectl("-n", "team-a", "rollout", "restart", "deploy/model")
    rolled_out("team-a", "model")
    counts = work.counts()
    print(f"  {counts}")
    all_well(counts)
    assert counts["Plain"] == 0, counts


@scenario
def outbound():
    """An app's call to a provider outside the mesh: plain to its proxy, guarded there, TLS from there on."""
    fresh()
    folder = CACHE / "run/provider"
    folder.mkdir(exist_ok=True)
    run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=api.openai.com",
        "-addext", "subjectAltName=DNS:api.openai.com", "-out", folder / "ca.crt", "-keyout", folder / "ca.key")
    kubectl("-n", "team-a", "create", "configmap", "lab-ca", f"--from-file=ca.crt={folder / 'ca.crt'}")
    kubectl("-n", "team-a", "patch", "deploy/app", "--type=merge", "-p", json.dumps({"spec": {"template": {
        "metadata": {"labels": {"tidegate.dev/outbound": "on"}, "annotations": {
            "sidecar.istio.io/userVolumeMount": '[{"name":"lab-ca","mountPath":"/etc/lab-ca"}]'}},
        "spec": {"volumes": [{"name": "lab-ca", "configMap": {"name": "lab-ca"}}]}}}}))
    rolled_out("team-a", "app")
    provider = subprocess.Popen([CACHE / "bin/tool", "model", "10.200.0.1:8443", folder / "ca.crt", folder / "ca.key"])
    try:
        apply(HERE / "fixtures/provider")
        rolled_out("team-a", "tidegate")
        place, url = pod("team-a", "app=app"), "http://api.openai.com/v1/chat/completions"
        # The lab's DNS knows no provider: curl is told, and the proxy goes by the host name alone.
        ask = ["curl", "-s", "-m", "20", "--resolve", "api.openai.com:80:10.200.0.1", "-H", "content-type: application/json"]
        body = json.dumps({"messages": [{"role": "user", "content": "I am sam.roe@example.org"}]})
        until("the provider is guarded", lambda: "[EMAIL]" in inside(place, *ask, "-d", body, url, check=False).stdout, 90)
        said = json.loads(inside(place, *ask, "-d", body, url).stdout)["choices"][0]["message"]["content"]
        assert said == "You said: I am [EMAIL]. Write to [EMAIL] and wait for an answer.", said
        # What is no model's is not guarded on this side: the same pod, another host.
        other = load(3, 2).counts()
        assert other["Redacted"] == 0 and other["Ok"] > 0, other
        print(f"  {said}; calls to another host untouched: {other['Ok']}")
    finally:
        provider.kill()


@scenario
def gateway():
    """A gateway of the Gateway API, guarded by `targetRefs`."""
    fresh()
    kubectl("apply", "-f", HERE / "fixtures/gateway/gateway.yaml")
    until("the gateway is there", lambda: run("kubectl", "-n", "team-a", "get", "deploy", "models-istio", check=False).returncode == 0)
    rolled_out("team-a", "models-istio")
    url = "http://models-istio.team-a/v1/chat/completions"
    until("the gateway leads to the model", lambda: load(1, 1, url).counts()["Ok"] > 0)
    apply(overlay("gateway"))
    rolled_out("team-a", "tidegate")
    until("the gateway is guarded", lambda: canary(url=url, wait=50), 60)
    counts = load(5, 2, url).counts()
    all_well(counts)
    assert counts["Plain"] == 0 and counts["Redacted"] > 0, counts
    direct = load(2, 1).counts()
    assert direct["Plain"] > 0, "the model itself is not under this filter"
    print(f"  {counts}")


@scenario
def native_sidecar():
    """The guard as a native sidecar: started before the app, ended after it, socket of group 1337, and in the path."""
    fresh()
    kubectl("create", "ns", "team-b")
    kubectl("label", "ns", "team-b", "istio-injection=enabled")
    apply(HERE / "fixtures/team-b")
    rolled_out("team-b", "model")
    url = "http://model.team-b:8000/v1/chat/completions"
    until("it is guarded", lambda: canary(url=url, wait=50), 60)
    counts = load(5, 2, url).counts()
    all_well(counts)
    assert counts["Plain"] == 0 and counts["Redacted"] > 0, counts
    spec = json.loads(kubectl("-n", "team-b", "get", "pod", "-l", "app=model", "-o", "json"))["items"][0]["spec"]
    order = [one["name"] for one in spec["initContainers"]] + [one["name"] for one in spec["containers"]]
    assert order.index("istio-proxy") < order.index("tidegate") < order.index("model"), order
    work = load(30, 2, url)
    kubectl("-n", "team-b", "rollout", "restart", "deploy/model")
    rolled_out("team-b", "model")
    after = work.counts()
    print(f"  order {order}; {counts}; through a restart {after}")
    assert after["Plain"] == 0, after


@scenario
def injected():
    """The guard by Istio's own injection, asked for by an annotation."""
    fresh()
    kubectl("apply", "-f", HERE / "fixtures/team-c/team-c.yaml")
    kubectl("apply", "-n", "team-c", "-k", ROOT / "istio/injection/namespace")
    kubectl("-n", "team-c", "rollout", "restart", "deploy/model")
    rolled_out("team-c", "model")
    url = "http://model.team-c:8000/v1/chat/completions"
    until("it is guarded", lambda: canary(url=url, wait=50), 60)
    counts = load(5, 2, url).counts()
    all_well(counts)
    assert counts["Plain"] == 0 and counts["Redacted"] > 0, counts
    print(f"  {counts}")


@scenario
def rejected():
    """A filter that Envoy refuses leaves traffic unguarded: `canary` and `mesh check` say so."""
    fresh()
    apply(overlay("namespace-enforce"))
    rolled_out("team-a", "tidegate")
    kubectl("apply", "-f", HERE / "fixtures/rejected.yaml")
    time.sleep(5)
    counts = load(3, 2).counts()
    all_well(counts)
    assert counts["Plain"] == counts["Ok"], counts
    assert not canary(), "a refused filter cannot answer"
    dump = CACHE / "run/dump.json"
    dump.write_text(inside(pod("team-a", "app=model"), "curl", "-s", "localhost:15000/config_dump").stdout)
    found = run(TIDEGATE, "mesh", "check", dump, check=False)
    assert found.returncode == 1 and ": rejected: " in found.stdout and "no-guard" in found.stdout, found
    print("  traffic: all plain; " + found.stdout.splitlines()[0][:160])


@scenario
def no_trap_in_the_proxy():
    """What istiod makes of the manifests has no trap: the model's proxy, dumped and checked."""
    guarded()
    time.sleep(50)
    dump = CACHE / "run/dump.json"
    dump.write_text(inside(pod("team-a", "app=model"), "curl", "-s", "localhost:15000/config_dump").stdout)
    found = run(TIDEGATE, "mesh", "check", dump, check=False)
    assert found.returncode == 0, found.stdout
    text = dump.read_text()
    assert '"connection_keepalive"' in text, "keepalive was not merged"
    print("  no trap")


@scenario
def mesh_wide():
    """From the root namespace: by label; then everywhere but in a namespace that opts out."""
    fresh()
    apply(overlay("mesh-opt-in"))
    rolled_out("tidegate-system", "tidegate")
    assert not canary()
    mark("app=model", "tidegate.dev/mesh=on")
    until("opted in", lambda: canary(wait=50), 60)
    mark("app=model", "tidegate.dev/mesh-")
    until("opted out of", lambda: not canary())
    kubectl("delete", "-k", overlay("mesh-opt-in"), "--ignore-not-found")
    apply(overlay("mesh-opt-out"))
    rolled_out("tidegate-system", "tidegate")
    until("everybody is guarded", lambda: canary(wait=50), 60)
    all_well(load(3, 2).counts())
    kubectl("apply", "-n", "team-a", "-k", ROOT / "istio/filters/opt-out")
    until("opted out", lambda: not canary())
    print("  opt-in by label, opt-out by namespace")


@scenario
def floor_and_namespace():
    """The organisation's floor enforces although the namespace is in shadow."""
    fresh()
    apply(overlay("floor"))
    rolled_out("tidegate-system", "tidegate")
    apply(overlay("namespace-shadow"))
    rolled_out("team-a", "tidegate")
    mark("app=model", ON)
    until("it is guarded", lambda: canary(wait=50), 60)
    mode("enforce")
    counts = load(5, 2).counts()
    all_well(counts)
    assert counts["Plain"] == 0, counts
    print(f"  namespace in shadow, floor redacts: {counts}")


@scenario
def canary_share():
    """A share of the pods by label: one of two is guarded, the other is not."""
    fresh()
    apply(overlay("canary"))
    rolled_out("team-a", "tidegate")
    one = pod("team-a", "app=model").split("/")[1]
    kubectl("-n", "team-a", "label", "pod", one, "tidegate.dev/canary=on")
    def both():
        counts = load(3, 3).counts()
        all_well(counts)
        return counts["Plain"] > 0 and counts["Redacted"] > 0
    until("both kinds answer", both)
    print("  both kinds answer")


def main():
    if sys.argv[1:] == ["--list"]:
        for one in SCENARIOS:
            print(f"{one.__name__}: {one.__doc__}")
        return 0
    wanted = sys.argv[1:] or [one.__name__ for one in SCENARIOS]
    failed = []
    for name in wanted:
        one = next((one for one in SCENARIOS if one.__name__ == name), None)
        if one is None:
            print(f"no scenario `{name}`", file=sys.stderr)
            return 2
        began = time.time()
        print(f"{name}: {one.__doc__}", flush=True)
        try:
            one()
            print(f"  ok, {time.time() - began:.0f} s", flush=True)
        except AssertionError as error:
            failed.append(name)
            print(f"  FAILED after {time.time() - began:.0f} s: {error}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
