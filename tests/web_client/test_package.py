"""What `npm pack` makes, in the strict TypeScript project of somebody else."""

import json
import re
from pathlib import Path

from tests.web_client.node import CLIENT, INSTALL, NPM, WEB, install_packages, run_node

OPTIONS = {
    "strict": True,
    "noUncheckedIndexedAccess": True,
    "exactOptionalPropertyTypes": True,
    "target": "es2022",
    "module": "nodenext",
    "lib": ["es2023", "dom"],
    "types": [],
    "noEmit": True,
}
CODE = re.compile(r"^```ts\n(.*?)^```$", re.MULTILINE | re.DOTALL)


async def test_a_stranger_installs_the_package_and_compiles_the_quick_start(
    tmp_path: Path,
) -> None:
    await install_packages()
    packed = await run_node(NPM, "pack", "--json", "--pack-destination", tmp_path, cwd=CLIENT)
    tarball = tmp_path / str(json.loads(packed[packed.index("[") :])[0]["filename"])
    assert "README.md" in packed
    assert "generated/http.d.ts" in packed
    assert "test" not in {Path(name).parts[0] for name in re.findall(r'"path": "([^"]+)"', packed)}
    project = tmp_path / "project"
    project.mkdir()
    quick_starts = CODE.findall((CLIENT / "README.md").read_text())
    assert len(quick_starts) == 2
    for number, code in enumerate(quick_starts):
        (project / f"start{number}.ts").write_text(code)
    package = {"type": "module", "dependencies": {"chat-client": f"file:{tarball}"}}
    (project / "package.json").write_text(json.dumps(package))
    (project / "tsconfig.json").write_text(json.dumps({"compilerOptions": OPTIONS}))
    await run_node(NPM, "install", *INSTALL[1:], "--offline", cwd=project)
    assert [path.name for path in (project / "node_modules").iterdir() if path.is_dir()] == [
        "chat-client"
    ], "the package has no dependencies"
    await run_node(WEB / "node_modules/typescript/bin/tsc", cwd=project)
    imported = 'import("chat-client").then((it) => console.log(typeof it.ChatClient))'
    assert await run_node("--eval", imported, cwd=project) == "function\n"
