/* The page of the dashboard: reads the server's events with the API token, and draws them with uPlot. */
;(() => {
  const base = new URL(".", document.currentScript.src).href.replace(/\/$/, "")
  const $ = (id) => document.getElementById(id)
  const kept = 300
  const tokenKey = "effect-cache-toolkit/token"
  const themeKey = "effect-cache-toolkit/theme"

  /** Snapshots of the last minutes, the oldest first. */
  let snapshots = []
  /** Options and advice, by cache. */
  let described = {}
  let token = sessionStorage.getItem(tokenKey) ?? ""
  let selected = ""
  /** Called when another cache is chosen. */
  const listeners = []
  /** Called after the page was drawn anew. */
  const drawn = []

  const element = (name, text, attributes = {}) => {
    const made = document.createElement(name)
    if (text !== undefined) made.textContent = text
    for (const [attribute, value] of Object.entries(attributes)) made.setAttribute(attribute, value)
    return made
  }

  // theme

  const isDark = () => document.documentElement.dataset.theme === "dark"
  const setTheme = (theme) => {
    document.documentElement.dataset.theme = theme
    $("theme").setAttribute("aria-pressed", String(theme === "dark"))
    for (const chart of charts) chart.build()
  }

  // requests

  const request = (path, init = {}) =>
    fetch(`${base}/${path}`, { ...init, headers: { ...init.headers, authorization: `Bearer ${token}` } })

  const askForToken = (why) => {
    sessionStorage.removeItem(tokenKey)
    token = ""
    $("main").hidden = true
    $("login").hidden = false
    $("login-error").textContent = why
    setState("unknown", "not connected")
    $("token").focus()
  }

  const setState = (kind, text) => {
    if ($("state").textContent === text && $("state").dataset.state === kind) return
    $("state").dataset.state = kind
    $("state").textContent = text
  }

  /** Reads server-sent events by fetch, since EventSource sends no token. */
  const connect = async () => {
    let response
    try {
      response = await request("events", { headers: { accept: "text/event-stream" } })
    } catch {
      setState("bad", "the server does not answer")
      setTimeout(connect, 2000)
      return
    }
    if (response.status === 401) return askForToken(token === "" ? "" : "This is not the token.")
    if (!response.ok) {
      setState("bad", `the server answered ${response.status}`)
      setTimeout(connect, 2000)
      return
    }
    sessionStorage.setItem(tokenKey, token)
    $("login").hidden = true
    $("main").hidden = false
    snapshots = []
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader()
    let text = ""
    try {
      for (;;) {
        const { done, value } = await reader.read()
        if (done) break
        text += value
        const events = text.split("\n\n")
        text = events.pop()
        for (const event of events) {
          const data = event.replace(/^data: /, "")
          if (data !== "") receive(JSON.parse(data))
        }
        if (events.length > 0) draw()
      }
    } catch {
      // the connection broke: as when it ends
    }
    setState("bad", "the connection to the server ended")
    setTimeout(connect, 2000)
  }

  const receive = (snapshot) => {
    snapshots.push(snapshot)
    if (snapshots.length > kept) snapshots.shift()
    const names = snapshot.caches.map(({ name }) => name)
    if (names.some((name) => !(name in described))) {
      for (const name of names) described[name] ??= { options: [], advice: [] }
      request("caches")
        .then((answer) => (answer.ok ? answer.json() : []))
        .then((caches) => {
          described = Object.fromEntries(caches.map((cache) => [cache.name, cache]))
          drawOptions()
        })
    }
  }

  // charts

  const chosen = (snapshot) => snapshot.caches.filter(({ name }) => selected === "" || name === selected)
  const sum = (snapshot, of) => chosen(snapshot).reduce((total, cache) => total + of(cache), 0)
  const most = (snapshot, of) => chosen(snapshot).reduce((found, cache) => Math.max(found, of(cache)), 0)
  /** per second since the snapshot before */
  const rate = (of) => (snapshot, before) => {
    if (before === undefined) return null
    const seconds = (snapshot.at - before.at) / 1000
    return seconds <= 0 ? null : Math.max(0, (sum(snapshot, of) - sum(before, of)) / seconds)
  }
  const now = (of) => (snapshot) => sum(snapshot, of)
  const worst = (of) => (snapshot) => most(snapshot, of)

  const definitions = [
    {
      title: "Reads by tier, per second",
      series: [
        ["local", rate(({ stats }) => stats.hitsLocal)],
        ["Redis", rate(({ stats }) => stats.hitsRedis)],
        ["missed", rate(({ stats }) => stats.misses)]
      ]
    },
    {
      title: "Lookups, per second",
      series: [
        ["run", rate(({ stats }) => stats.lookups)],
        ["saved by hits", rate(({ stats }) => stats.hitsLocal + stats.hitsRedis + stats.staleServed)],
        ["saved by sharing", rate(({ stats }) => stats.lookupsSaved ?? 0)],
        ["failed", rate(({ stats }) => stats.lookupFailures)]
      ]
    },
    {
      title: "Misses by cause, per second",
      series: [
        [
          "absent",
          rate(({ stats }) =>
            Math.max(0, stats.misses - stats.missesExpired - stats.missesInvalidated - stats.decodeFailures)
          )
        ],
        ["expired", rate(({ stats }) => stats.missesExpired)],
        ["invalidated", rate(({ stats }) => stats.missesInvalidated)],
        ["undecodable", rate(({ stats }) => stats.decodeFailures)]
      ]
    },
    {
      title: "Stale and degraded answers, per second",
      series: [
        ["stale", rate(({ stats }) => stats.staleServed)],
        ["degraded", rate(({ stats }) => stats.degraded)],
        ["rejected", rate(({ stats }) => stats.lookupsRejected)]
      ]
    },
    {
      title: "Latency, in milliseconds",
      series: [
        ["Redis p50", worst(({ stats }) => stats.redisLatency.p50)],
        ["Redis p99", worst(({ stats }) => stats.redisLatency.p99)],
        ["lookup p50", worst(({ lookups }) => lookups.p50)],
        ["lookup p99", worst(({ lookups }) => lookups.p99)]
      ]
    },
    {
      title: "Local tier and outbox, entries",
      series: [
        ["local tier", now(({ stats }) => stats.local)],
        ["outbox", now(({ stats }) => stats.outbox)]
      ]
    }
  ]

  const shown = (value) =>
    value === null || value === undefined
      ? "–"
      : value >= 100
        ? Math.round(value).toLocaleString("en")
        : String(Math.round(value * 100) / 100)

  const charts = definitions.map(({ series, title }) => {
    const figure = element("figure", undefined, { role: "group", "aria-label": title })
    const plot = element("div", undefined, { "aria-hidden": "true" })
    const values = element("ul", undefined, { class: "values" })
    figure.append(element("figcaption", title), plot, values)
    let chart
    const data = () => [
      snapshots.map(({ at }) => at / 1000),
      ...series.map(([, of]) => snapshots.map((snapshot, i) => of(snapshot, snapshots[i - 1])))
    ]
    return {
      figure,
      build() {
        if (!figure.isConnected) return
        chart?.destroy()
        const style = getComputedStyle(document.documentElement)
        const color = (name) => style.getPropertyValue(name).trim()
        const axis = {
          stroke: color("--faint"),
          grid: { stroke: color("--line"), width: 1 },
          ticks: { stroke: color("--line"), width: 1 }
        }
        chart = new uPlot(
          {
            width: Math.max(figure.clientWidth, 200),
            height: 150,
            legend: { show: false },
            cursor: { show: false },
            scales: { y: { range: (_chart, _low, high) => [0, high > 0 ? high * 1.1 : 1] } },
            axes: [axis, { ...axis, size: 54 }],
            series: [
              {},
              ...series.map(([label], i) => ({
                label,
                stroke: color(`--c${i + 1}`),
                width: 2,
                points: { show: false }
              }))
            ]
          },
          data(),
          plot
        )
      },
      draw() {
        if (chart === undefined) this.build()
        else chart.setData(data())
        const last = snapshots.at(-1)
        const before = snapshots.at(-2)
        values.replaceChildren(
          ...series.map(([label, of], i) => element("li", `${label} ${shown(of(last, before))}`, { class: `s${i}` }))
        )
      },
      resize() {
        chart?.setSize({ width: Math.max(figure.clientWidth, 200), height: 150 })
      }
    }
  })

  // everything else

  const time = (at) => new Date(at).toLocaleTimeString("en-GB")
  const list = (id, rows) =>
    $(id).replaceChildren(...rows.flatMap(([name, value]) => [element("dt", name), element("dd", value)]))
  const table = (target, head, rows) => {
    const line = (cells, name) => {
      const row = element("tr")
      row.append(
        ...cells.map((cell) =>
          element(
            name,
            String(cell),
            typeof cell === "number" || /^[\d.,]+( ms)?$/.test(cell) ? { class: "number" } : {}
          )
        )
      )
      return row
    }
    target.replaceChildren(line(head, "th"), ...rows.map((row) => line(row, "td")))
  }

  /** What reads do without Redis, by the options of the caches. */
  const withoutRedis = () =>
    Object.values(described).some(({ options }) =>
      options.some(([name, text]) => name === "outage.onUnavailable" && text === "fail")
    )
      ? "reads go to the lookup, or fail where outage.onUnavailable says so"
      : "reads go to the lookup"

  const drawConnection = ({ caches, redis, timeline }) => {
    const off = caches.filter(({ isOff }) => isOff).map(({ name }) => name)
    const isWell =
      redis.state === "Connected" &&
      redis.circuit === "Closed" &&
      caches.every(({ isAvailable, isOff }) => isAvailable || isOff)
    if (isWell && off.length > 0) setState("warn", `switched off: ${off.join(", ")}; its reads go to the lookup`)
    else if (isWell) setState("good", "healthy: caches read Redis")
    else if (redis.state === "Disabled") setState("warn", `Redis is switched off: ${withoutRedis()}`)
    else setState("bad", `outage: ${withoutRedis()}. ${redis.cause ?? `circuit ${redis.circuit}`}`)
    list("connection", [
      ["connection", redis.state],
      ["circuit", redis.circuit],
      ["server", redis.server ?? "–"],
      ["address", redis.address ?? "–"],
      ["round trip", redis.latencyMillis === null ? "–" : `${shown(redis.latencyMillis)} ms`],
      ["commands", `${redis.inFlight} in flight, ${redis.waiting} waiting`],
      ...redis.nodes.map(({ address, circuit, state }) => [address, `${state}, circuit ${circuit}`])
    ])
    $("timeline").replaceChildren(
      ...[...timeline].reverse().map(({ at, reason, state, what }) => {
        const kind =
          state === "Connected" || state === "Closed"
            ? "good"
            : state === "Connecting" || state === "HalfOpen"
              ? "warn"
              : "bad"
        return element("li", `${time(at)}  ${what} ${state}${reason === "" ? "" : `: ${reason}`}`, {
          "data-state": kind
        })
      })
    )
  }

  const drawKeys = (snapshot) => {
    const all = (of) => chosen(snapshot).flatMap(of)
    const hottest = all(({ hottest }) => hottest).sort((a, b) => b.count - a.count)
    const slowest = all(({ slowest }) => slowest).sort((a, b) => b.millis - a.millis)
    table(
      $("hottest"),
      ["key", "reads"],
      hottest.slice(0, 10).map(({ count, key }) => [key, count])
    )
    table(
      $("slowest"),
      ["key", "slowest"],
      slowest.slice(0, 10).map(({ key, millis }) => [key, `${shown(millis)} ms`])
    )
  }

  const drawOptions = () => {
    const caches = Object.values(described).filter(
      ({ name }) => name !== undefined && (selected === "" || name === selected)
    )
    $("advice").replaceChildren(
      ...caches.flatMap(({ advice, name }) => advice.map((sentence) => element("li", `${name}: ${sentence}`)))
    )
    $("options").replaceChildren(
      ...caches.map(({ name, options }) => {
        const details = element("details")
        details.open = selected !== ""
        const rows = element("table")
        table(rows, ["option", "value"], options)
        details.append(element("summary", name), rows)
        return details
      })
    )
  }

  const drawChoice = ({ caches }) => {
    const names = caches.map(({ name }) => name)
    const present = Array.from($("cache").options, ({ value }) => value).slice(1)
    if (names.join() === present.join()) return
    $("cache").replaceChildren(new Option("all", ""), ...names.map((name) => new Option(name, name)))
    if (!names.includes(selected)) selected = ""
    $("cache").value = selected
    $("cache").disabled = false
    drawOperate()
  }

  const drawOperate = () => {
    const isChosen = selected !== ""
    $("operate-hint").hidden = isChosen
    for (const control of $("operate").querySelectorAll("input, button")) control.disabled = !isChosen
  }

  const draw = () => {
    const last = snapshots.at(-1)
    if (last === undefined) return
    drawChoice(last)
    drawConnection(last)
    for (const chart of charts) chart.draw()
    drawKeys(last)
    document.documentElement.dataset.snapshots = String(snapshots.length)
    for (const listener of drawn) listener()
  }

  // operations

  const confirmed = (question) =>
    new Promise((resolve) => {
      const dialog = $("confirm")
      $("confirm-text").textContent = question
      const answer = (value) => () => {
        dialog.close()
        resolve(value)
      }
      $("confirm-yes").onclick = answer(true)
      $("confirm-no").onclick = answer(false)
      dialog.oncancel = () => resolve(false)
      dialog.showModal()
      $("confirm-no").focus()
    })

  const operate = async (action, subject, question) => {
    if (!(await confirmed(question))) {
      $("outcome").textContent = "Nothing was done."
      return
    }
    const response = await request("operations", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ cache: selected, action, subject, confirm: subject })
    })
    const answer = await response.json()
    $("outcome").textContent = response.ok
      ? answer.acknowledged
        ? `Done: ${question.replace(/\?$/, "")}.`
        : "Done in this process. Redis has not taken it yet, and gets it when it returns."
      : answer.problem
  }

  const entryRows = (entry) => [
    ["kind", entry.kind],
    ["age", `${shown(entry.ageMillis / 1000)} s`],
    ["fresh for", `${shown(entry.freshForMillis / 1000)} s`],
    ["tags", entry.tags.join(", ") || "none"],
    ...(entry.bytes === undefined
      ? []
      : [
          ["stored", `${entry.bytes} bytes, ${entry.encoding}, version ${entry.version}`],
          ["expires in", entry.expiresInMillis === undefined ? "never" : `${shown(entry.expiresInMillis / 1000)} s`]
        ])
  ]

  const drawInspected = (answer) => {
    const tier = (name, entry, otherwise) => {
      const part = element("div")
      part.append(element("h3", name))
      if (entry === undefined || typeof entry === "string") {
        part.append(element("p", entry === "foreign" ? "a text of another program, and no entry" : otherwise))
        return part
      }
      const rows = element("dl")
      rows.append(...entryRows(entry).flatMap(([label, value]) => [element("dt", label), element("dd", value)]))
      part.append(rows, element("pre", entry.value ?? "the value cannot be read"))
      return part
    }
    $("inspected").replaceChildren(
      element("h3", answer.key),
      tier("Local tier", answer.local, "nothing"),
      tier("Redis", answer.redis, answer.failure ?? "nothing")
    )
  }

  $("key-form").onsubmit = async (event) => {
    event.preventDefault()
    const response = await request(`inspect?${new URLSearchParams({ cache: selected, key: $("key").value })}`)
    const answer = await response.json()
    if (response.ok) drawInspected(answer)
    else $("inspected").replaceChildren(element("p", answer.problem))
  }
  $("invalidate-key").onclick = () => {
    if (!$("key-form").reportValidity()) return
    operate("invalidate", $("key").value, `Invalidate the key ${$("key").value} of ${selected}?`)
  }
  $("tag-form").onsubmit = (event) => {
    event.preventDefault()
    operate("invalidateTag", $("tag").value, `Invalidate every value of ${selected} with the tag ${$("tag").value}?`)
  }
  $("clear").onclick = () => operate("clear", selected, `Clear the whole cache ${selected}?`)

  $("login-form").onsubmit = (event) => {
    event.preventDefault()
    token = $("token").value.trim()
    $("token").value = ""
    connect()
  }
  $("cache").onchange = () => {
    selected = $("cache").value
    $("inspected").replaceChildren()
    $("outcome").textContent = ""
    drawOperate()
    drawOptions()
    draw()
    for (const listener of listeners) listener()
  }
  $("theme").onclick = () => {
    const theme = isDark() ? "light" : "dark"
    localStorage.setItem(themeKey, theme)
    setTheme(theme)
  }

  // for settings.js
  window.dashboard = {
    $,
    confirmed,
    element,
    request,
    table,
    selected: () => selected,
    onDraw: (listener) => drawn.push(listener),
    onSelected: (listener) => listeners.push(listener)
  }

  $("charts").append(...charts.map(({ figure }) => figure))
  new ResizeObserver(() => {
    for (const chart of charts) chart.resize()
  }).observe($("charts"))
  setTheme(localStorage.getItem(themeKey) ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light"))
  drawOperate()
  if (token === "") askForToken("")
  else connect()
})()
