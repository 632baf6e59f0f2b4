/** Prometheus' own tool, which reads the text as Prometheus does. */

/** Why its tests cannot run here: undefined when they can. */
export const skipReason: string | undefined =
  Bun.which("promtool") === null ? "no promtool on PATH: install prometheus" : undefined

/** What it finds wrong, and nothing where all is well. */
export const run = async (args: ReadonlyArray<string>, input = ""): Promise<string> => {
  const tool = Bun.spawn(["promtool", ...args], { stdin: new Blob([input]), stdout: "pipe", stderr: "pipe" })
  const [stdout, stderr, code] = await Promise.all([
    new Response(tool.stdout).text(),
    new Response(tool.stderr).text(),
    tool.exited
  ])
  return code === 0 ? "" : `${stdout}${stderr}`.trim() || `exit code ${code}`
}
