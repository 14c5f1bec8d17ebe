// Tries from another origin what a page can try with the cookies of its visitor. Returns what it got
// hold of, which is to be nothing.
async ({base, places, changes, sockets, streams}) => {
  const got = [];
  const wait = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
  const each = (list, act) => Promise.all(list.map(act));
  const send = async (path, how) => {
    try {
      const answer = await fetch(base + path, {credentials: 'include', ...how});
      if (answer.type !== 'opaque') got.push(['fetched', path, await answer.text()]);
    } catch { /* kept from it, as it should be */ }
  };
  const open = (path, act) => {
    const name = `w${Math.random()}`;
    const opened = window.open('about:blank', name);
    act(name, opened);
    return wait(1500).then(() => {
      try {
        if (opened.location.href !== 'about:blank') got.push(['saw', path, opened.document.body.innerText]);
      } catch { /* kept from it */ }
      opened.close();
    });
  };
  const submit = (method, path, type, fields) => open(path, (target) => {
    const form = Object.assign(document.createElement('form'), {method, target, enctype: type});
    form.action = base + path;
    for (const [name, value] of Object.entries(fields)) {
      form.append(Object.assign(document.createElement('input'), {name, value}));
    }
    document.body.append(form);
    form.submit();
  });

  await each(places, async (path) => {
    await send(path, {});
    await send(path, {mode: 'no-cors'});
    for (const [kind, key] of [['img', 'src'], ['script', 'src'], ['iframe', 'src'],
                               ['embed', 'src'], ['object', 'data'], ['video', 'src']]) {
      const element = document.createElement(kind);
      if (kind === 'img') element.onload = () => got.push(['pictured', path]);
      element[key] = base + path;
      document.body.append(element);
    }
    const sheet = Object.assign(document.createElement('link'), {rel: 'stylesheet', href: base + path});
    document.head.append(sheet);
  });
  await each(changes, async ([method, path, fields]) => {
    const body = JSON.stringify(fields);
    await send(path, {method, body, headers: {'Content-Type': 'application/json'}});
    await send(path, {method, body, headers: {'X-XSRFToken': 'guessed'}});
    if (method !== 'POST') return;
    for (const type of ['text/plain', 'application/x-www-form-urlencoded']) {
      await send(path, {method, mode: 'no-cors', body, headers: {'Content-Type': type}});
    }
    await send(path, {method, mode: 'no-cors', body: new URLSearchParams(fields)});
    await submit('post', path, 'application/x-www-form-urlencoded', fields);
    await submit('post', path, 'text/plain', {[body.slice(0, -1) + ',"x":"']: '"}'});
    await submit('post', path, 'multipart/form-data', fields);
  });
  await each(places, (path) => open(path, (_, opened) => { opened.location = base + path; }));
  await each(sockets, (path) => new Promise((resolve) => {
    const socket = new WebSocket(base.replace('http', 'ws') + path);
    socket.onopen = () => { got.push(['connected', path]); resolve(); };
    socket.onerror = resolve;
  }));
  await each(streams, async (path) => {
    const source = new EventSource(base + path, {withCredentials: true});
    source.onopen = () => got.push(['subscribed', path]);
    source.onmessage = (event) => got.push(['heard', path, event.data]);
    await wait(1500);
    source.close();
  });
  return got;
}
