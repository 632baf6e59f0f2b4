/** The steps that are possible next and advance what has begun. */
import type { Process } from "../process/process.js"
import type { AnyCall } from "../servers/connection.js"
import type { Node } from "../servers/topology.js"
import type { World } from "./world.js"

export interface Action {
  readonly name: () => string
  readonly weight: number
  /** the task or subscription that this step continues */
  readonly thread: object | undefined
  readonly run: () => void
  /** the process that gets a reply or hears a message, and nothing else happens */
  readonly delivery?: { readonly process: Process; readonly call?: AnyCall }
}

type Add = (
  thread: object | undefined,
  weight: number,
  name: () => string,
  run: () => void,
  delivery?: Action["delivery"]
) => void

/** Steps that advance what has begun. */
export const progress = (world: World): ReadonlyArray<Action> => {
  const actions: Array<Action> = []
  const add: Add = (thread, weight, name, run, delivery) =>
    actions.push(delivery === undefined ? { name, weight, thread, run } : { name, weight, thread, run, delivery })
  for (const task of world.tasks) {
    const { wait } = task
    if (wait?.ready() === true)
      add(
        task,
        10,
        () => `${task.name} continues after: ${wait.what}`,
        () => world.resume(task)
      )
  }
  for (const process of world.processes) {
    if (!process.alive) continue
    addTraffic(world, process, add)
    addMessages(world, process, add)
    for (const sleep of process.sleepers) {
      if (sleep.awake || !world.rules.has("waitersPoll")) continue
      add(
        sleep,
        1,
        () => `process ${process.id} retries the lease of ${sleep.key}`,
        () => {
          sleep.awake = true
        }
      )
    }
  }
  addLate(world, add)
  for (const node of world.topology.nodes) addRecovery(world, node, add)
  const operation = world.operations[world.started]
  if (operation !== undefined) {
    add(
      undefined,
      8,
      () => `process ${operation.process}: ${operation.what} ${operation.key} is called`,
      () => {
        world.started++
        world.start(operation)
      }
    )
  }
  return actions
}

/** Names a server in a trace. */
const nameOf = (world: World, node: Node): string => (world.topology.isSeveral ? `node ${node.id}` : "the server")

/** Commands that reach a server, replies that arrive, and connections that come back. */
const addTraffic = (world: World, process: Process, add: Add): void => {
  const { id } = process
  for (const link of process.links) {
    const { connection, node } = link
    const server = link.replaced ?? node.server
    const [sent] = connection?.sent ?? []
    if (connection !== undefined && sent !== undefined && server.running) {
      add(
        sent.sender,
        10,
        () => `${nameOf(world, node)} runs ${sent.name} of process ${id}`,
        () => {
          connection.sent.shift()
          if (sent.isKeyless || world.topology.owner(sent.slot) === node) sent.apply(server)
          else sent.isMoved = true
          connection.answered.push(sent)
        }
      )
    }
    const [answered] = connection?.answered ?? []
    if (connection !== undefined && answered !== undefined) {
      add(
        answered.sender,
        10,
        () => `process ${id} gets the reply to ${answered.name}`,
        () => {
          connection.answered.shift()
          if (answered.isMoved) world.redirect(process, answered)
          else answered.deliver()
        },
        { process, call: answered }
      )
    }
    if (link.isCircuitOpen)
      add(
        process,
        4,
        () => `process ${id} closes its circuit`,
        () => {
          link.isCircuitOpen = false
        }
      )
    if (connection === undefined && server.running)
      add(
        process,
        6,
        () => `process ${id} reconnects${world.topology.isSeveral ? ` to node ${node.id}` : ""}`,
        () => world.reconnect(process, link)
      )
  }
}

const addMessages = (world: World, process: Process, add: Add): void => {
  const { id, subscription } = process
  const [event] = subscription.inbox
  if (event !== undefined) {
    const what = event._tag === "Gap" ? "a gap" : `a message (${event.message._tag})`
    add(
      subscription,
      6,
      () => `process ${id} hears ${what}`,
      () => {
        subscription.inbox.shift()
        subscription.heard = event.number
        if (event._tag === "Gap") process.hearGap()
        else process.hear(event.message)
      },
      { process }
    )
  }
  // any node will do
  const node = world.topology.nodes.find(({ server }) => server.running)
  if (!subscription.connected && node !== undefined) {
    add(
      subscription,
      3,
      () => `process ${id} subscribes again`,
      () => subscription.resubscribe(node.id)
    )
  }
}

/** The first command of an ended connection that may still arrive. */
const addLate = (world: World, add: Add): void => {
  const [late] = world.late
  if (late === undefined || !late.node.server.running) return
  const { call, node, process } = late
  add(
    late,
    3,
    () => `${nameOf(world, node)} runs ${call.name} of process ${process.id}, late`,
    () => {
      world.late = world.late.slice(1)
      if (call.isKeyless || world.topology.owner(call.slot) === node) call.apply(node.server)
    }
  )
}

const addRecovery = (world: World, node: Node, add: Add): void => {
  const { server } = node
  if (!server.running)
    add(
      server,
      4,
      () => `${nameOf(world, node)} is back`,
      () => world.startServer(node)
    )
  if (server.wrong !== undefined)
    add(
      server,
      4,
      () => `${world.topology.isSeveral ? `the clock of node ${node.id}` : "the server's clock"} is set right`,
      () => server.setRight()
    )
}
