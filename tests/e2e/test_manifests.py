"""The manifests and the chart are what an API server would take: checked by `tests/kube`, which knows the projects' own
schemas and renders charts with Helm's own engine."""

import os
import pathlib
import re
import shutil
import subprocess

import pytest
import stack
import yaml
import yaml12

KUBE = stack.ROOT / "tests/kube"
ENVOY = stack.ROOT / "envoy"
CHART = ENVOY / "helm/attache"
MANIFESTS = sorted(
    path
    for folder in ("istio", "envoy-gateway")
    for path in (ENVOY / folder).glob("*.yaml")
    if not path.name.endswith(("attache.yaml", "values.yaml"))
)

# `tests/kube` is compiled by the first test that needs it, which takes minutes on a new machine and nothing later.
pytestmark = pytest.mark.timeout(1000)


def go() -> str:
    """A Go that can build `tests/kube`: the one of `make venv`, or the machine's."""
    for found in (stack.ROOT / ".venv/bin/go", shutil.which("go")):
        if found and pathlib.Path(found).exists():
            version = subprocess.run([found, "version"], capture_output=True, text=True, env=go_env()).stdout
            if re.search(r"go1\.(2[6-9]|[3-9][0-9])", version):
                return str(found)
    pytest.skip("there is no Go of 1.26 or later: `make venv` installs one where it can")


def go_env() -> dict:
    return os.environ | {"GOTOOLCHAIN": "local", "GOFLAGS": "-mod=readonly"}


@pytest.fixture(scope="module")
def kube():
    """Runs `tests/kube`; gives what it prints, or what it complains about."""
    compiler, program = go(), stack.TARGET / "kube"
    done = subprocess.run(
        [compiler, "build", "-o", program, "."], cwd=KUBE, env=go_env(), capture_output=True, text=True, timeout=900
    )
    assert done.returncode == 0, done.stderr[-2000:]
    env = go_env() | {"PATH": f"{pathlib.Path(compiler).parent}:{os.environ['PATH']}"}

    def run(*args, good: bool = True) -> str:
        done = subprocess.run([program, *args], cwd=KUBE, env=env, capture_output=True, text=True, timeout=120)
        assert (done.returncode == 0) == good, done.stderr or done.stdout
        return done.stdout if good else done.stderr

    return run


def test_every_manifest_is_good_by_its_own_schema(kube):
    assert len(MANIFESTS) > 5
    assert "objects are good" in kube("check", *MANIFESTS)


@pytest.mark.parametrize(
    ("name", "edit", "said"),
    [
        ("envoy-gateway/gateway.yaml", ("messageTimeout", "messageTimeOut"), "unknown field spec.extProc[0].messageTimeOut"),
        ("envoy-gateway/gateway.yaml", ("body: Buffered", "body: Bufered"), "supported values"),
        ("envoy-gateway/gateway.yaml", ("kind: Service, name", "kind: Pod, name"), "BackendRefs only supports"),
        ("envoy-gateway/wasm.yaml", ("type: Image, image", "type: HTTP, image"), "http field needs to be set"),
        ("istio/gateway.yaml", ("simple: LEAST_REQUEST", "simple: LEAST"), "Unsupported value"),
        ("istio/wasm.yaml", ("operation: INSERT_BEFORE", "operation: INSERT_AROUND"), "Unsupported value"),
        ("istio/wasm.yaml", ("v1alpha3", "v1alpha9"), "nobody here knows networking.istio.io/v1alpha9/EnvoyFilter"),
        ("istio/wasm-plugins.yaml", ("failStrategy: FAIL_OPEN", "failStrategy: OPEN"), "Unsupported value"),
        ("envoy-gateway/wasm-policies.yaml", ("after: envoy.filters.http.wasm", "after: wasm"), "Unsupported value"),
        ("istio/sidecar.yaml", ("runAsNonRoot", "runAsNoRoot"), 'unknown field "spec.template.spec.containers[1]'),
    ],
)
def test_mistakes_are_found(kube, tmp_path, name, edit, said):
    text = (ENVOY / name).read_text()
    assert edit[0] in text
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text(text.replace(*edit, 1))
    assert said in kube("check", wrong, good=False)


EVERYTHING = """
replicas: 3
secret: { OPENAI_API_KEY: sk-1, ANTHROPIC_API_KEY: sk-2 }
autoscaling: { enabled: true }
serviceMonitor: { enabled: true, labels: { release: prometheus } }
networkPolicy: { egress: [{ to: [{ ipBlock: { cidr: 0.0.0.0/0 } }] }] }
extraEnv: [{ name: AWS_REGION, value: eu-central-1 }]
extraVolumes: [{ name: tokens, emptyDir: {} }]
extraVolumeMounts: [{ name: tokens, mountPath: /tokens }]
serviceAccount: { annotations: { eks.amazonaws.com/role-arn: role } }
image: { digest: "sha256:HEX", pullSecrets: [{ name: pull }] }
podAnnotations: { a: b }
podLabels: { istio-injection: "true" }
nodeSelector: { disk: fast }
tolerations: [{ key: llm, operator: Exists }]
affinity: { nodeAffinity: {} }
priorityClassName: high
restartOnChange: true
service: { annotations: { a: b }, headless: true }
""".replace("HEX", "0" * 64)
VALUES = {
    "as it is": "",
    "everything": EVERYTHING,
    "a gateway": "topology: sidecar",
    "a gateway with everything": f"topology: sidecar{EVERYTHING}".replace(", headless: true", ""),
    "for Envoy Gateway": (ENVOY / "envoy-gateway/values.yaml").read_text(),
    "of others": "existingSecret: keys\nexistingConfigMap: config\nserviceAccount: { create: false }",
}


@pytest.fixture
def rendered(kube, tmp_path):
    """The chart's objects by kind, for these values."""

    def render(values: str) -> dict[str, dict]:
        given, manifest = tmp_path / "values.yaml", tmp_path / "rendered.yaml"
        given.write_text(values)
        manifest.write_text(kube("template", CHART, given))
        kube("check", manifest)
        objects = [object for object in yaml.safe_load_all(manifest.read_text()) if object]
        assert len({object["kind"] for object in objects}) == len(objects)
        return {object["kind"]: object for object in objects}

    return render


@pytest.mark.parametrize("name", VALUES)
def test_the_chart_renders_what_a_server_takes(rendered, name):
    objects = rendered(VALUES[name])
    pod = objects["Deployment"]["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"] and pod["automountServiceAccountToken"] is False
    for container in pod["containers"] + pod.get("initContainers", []):
        context = container["securityContext"]
        assert context["readOnlyRootFilesystem"] and context["allowPrivilegeEscalation"] is False
        assert context["capabilities"] == {"drop": ["ALL"]} and container["resources"]["limits"]["memory"]
    for container in pod["containers"]:
        assert container["readinessProbe"] and container["livenessProbe"]
    selector = objects["Deployment"]["spec"]["selector"]["matchLabels"]
    assert objects["Service"]["spec"]["selector"] == selector
    assert selector.items() <= objects["Deployment"]["spec"]["template"]["metadata"]["labels"].items()
    ports = {port["name"] for container in pod["containers"] for port in container["ports"]}
    assert {port["targetPort"] for port in objects["Service"]["spec"]["ports"]} <= ports


def test_the_configuration_of_the_chart_is_the_one_that_the_manifests_are_printed_for(rendered):
    objects = rendered("")
    assert yaml12.read(objects["ConfigMap"]["data"]["attache.yaml"]) == yaml12.read((ENVOY / "attache.yaml").read_text())


@pytest.mark.parametrize("name", ["as it is", "a gateway"])
def test_the_commands_of_the_chart_do_what_they_should(rendered, tmp_path, name):
    """Each container's arguments, with the chart's configuration at its place."""
    objects = rendered(VALUES[name])
    config, bootstrap = tmp_path / "attache.yaml", tmp_path / "envoy.yaml"
    config.write_text(objects["ConfigMap"]["data"]["attache.yaml"])
    places = {"/etc/attache/attache.yaml": str(config), "/etc/envoy/envoy.yaml": str(bootstrap)}
    pod = objects["Deployment"]["spec"]["template"]["spec"]
    for container in pod.get("initContainers", []):
        run_attache(*[places.get(argument, argument) for argument in container["args"]])
    (serve,) = [container["args"] for container in pod["containers"] if container["name"] == "attache"]
    assert serve[0] == "serve"
    run_attache("check", *[places.get(argument, argument) for argument in serve[1:]])
    for container in pod["containers"]:
        if container["name"] == "envoy":
            arguments = [places.get(argument, argument) for argument in container["args"]]
            argv = [stack.envoy_binary(), "--mode", "validate", *arguments]
            done = subprocess.run(argv, capture_output=True, text=True, timeout=60)
            assert done.returncode == 0, done.stderr[-2000:]
            assert "/run/attache/attache.sock" in bootstrap.read_text()


def run_attache(*arguments) -> str:
    env = {"PATH": os.environ["PATH"], "OPENAI_API_KEY": "sk-1", "ANTHROPIC_API_KEY": "sk-2"}
    done = subprocess.run([stack.binary("attache"), *arguments], env=env, capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("page", ["README.md", "docs/mesh.md"])
def test_what_pages_print_in_a_pod_is_what_lies_here(rendered, tmp_path, page):
    """`kubectl exec … -- attache …`, with the configuration that the chart has put there."""
    config = tmp_path / "attache.yaml"
    config.write_text(rendered("")["ConfigMap"]["data"]["attache.yaml"])
    commands = re.findall(r"^kubectl exec \S+ \S+ deploy/attache -- attache (.*) > (\S+)$", (stack.ROOT / page).read_text(), re.M)
    assert len(commands) == 2
    for command, _ in commands:
        arguments = command.replace("/etc/attache/attache.yaml", str(config)).split()
        manifest = {"istio-gateway": "istio/ext-proc-gateway.yaml", "envoy-gateway": "envoy-gateway/ext-proc.yaml"}[arguments[2]]
        assert run_attache(*arguments) == (ENVOY / manifest).read_text()


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ("topology: both", "topology"),
        ("replica: 3", "replica"),
        ("image: { digest: abc }", "digest"),
        ("networkPolicy: { clients: [] }", "clients"),
        ("service: { port: 70000 }", "port"),
    ],
)
def test_values_that_are_wrong_are_refused(kube, tmp_path, values, said):
    given = tmp_path / "values.yaml"
    given.write_text(values)
    assert said in kube("template", CHART, given, good=False)


def test_images_hold_what_they_name():
    """No container engine runs here: what the build files name exists, and what they start is understood."""
    text = (ENVOY / "images/attache.Containerfile").read_text()
    packages = re.findall(r"-p ([a-z-]+)", text)
    manifests = [path.read_text() for path in (stack.ROOT / "ext-proc/Cargo.toml", stack.ROOT / "tests/simulator/Cargo.toml")]
    assert [f'name = "{package}"' in manifest for package, manifest in zip(packages, manifests)] == [True, True]
    stages = re.findall(r"^FROM \S+ AS ([a-z]+)$", text, re.MULTILINE)
    assert stages == ["build", "simulator", "attache"]
    assert text.count("USER 65532:65532") == 2
    rust = re.search(r"FROM rust:([0-9.]+)-", text).group(1)
    assert f'rust-version = "{rust}"' in (stack.ROOT / "Cargo.toml").read_text()
    assert "COPY target/wasm-filters/${FILTER}.wasm /plugin.wasm" in (ENVOY / "images/wasm.Containerfile").read_text()
    assert {"target/*", "!target/wasm-filters"} <= set((stack.ROOT / ".dockerignore").read_text().split())


def test_the_composition_fits_together(tmp_path):
    folder = ENVOY / "compose"
    written = yaml.safe_load((folder / "compose.yaml").read_text())
    for name, service in written["services"].items():
        assert service["read_only"] and service["cap_drop"] == ["ALL"], name
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            assert source in written["volumes"] or (folder / source).exists(), volume
        if "build" in service:
            assert (folder / service["build"]["context"] / service["build"]["dockerfile"]).exists()
            assert f"AS {service['build']['target']}\n" in (ENVOY / "images/attache.Containerfile").read_text()
    config = yaml12.read((folder / "attache.yaml").read_text())
    hosts = {re.search(r"//([a-z]+):8000", provider["url"]).group(1) for provider in config["providers"].values()}
    assert hosts <= set(written["services"])
    bootstrap = tmp_path / "envoy.yaml"
    places = {"/etc/attache/attache.yaml": str(folder / "attache.yaml"), "/etc/envoy/envoy.yaml": str(bootstrap)}
    run_attache(*[places.get(argument, argument) for argument in written["services"]["bootstrap"]["command"]])
    arguments = [places.get(argument, argument) for argument in written["services"]["envoy"]["command"]]
    argv = [stack.envoy_binary(), "--mode", "validate", *arguments]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr[-2000:]
