#!/usr/bin/env node
/**
 * The program of the command `effect-cache`, under Node and under Bun.
 *
 * @internal
 */
import * as NodeFileSystem from "@effect/platform-node-shared/NodeFileSystem"
import * as NodePath from "@effect/platform-node-shared/NodePath"
import * as NodeRuntime from "@effect/platform-node-shared/NodeRuntime"
import * as NodeTerminal from "@effect/platform-node-shared/NodeTerminal"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as EffectCache from "./cli/EffectCache.js"
import * as ExitCode from "./cli/frame/ExitCode.js"

// the reader of a pipe, such as `head`, may leave before the output ends
process.stdout.on("error", () => process.exit(ExitCode.ok))

NodeRuntime.runMain(
  Effect.provide(
    EffectCache.run(process.argv),
    Layer.mergeAll(NodeFileSystem.layer, NodePath.layer, NodeTerminal.layer)
  ),
  {
    disableErrorReporting: true,
    teardown: (exit, onExit) =>
      onExit(Exit.isSuccess(exit) && typeof exit.value === "number" ? exit.value : ExitCode.interrupted)
  }
)
