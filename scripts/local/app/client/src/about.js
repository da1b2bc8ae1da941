// What the API says about its deployment. Loaded when it is first opened.
import { element } from './dom.js';

const ROWS = {
  Title: (config) => config.appTitle,
  Server: (config) => config.serverDomain,
  Configuration: (config) => `${config.customConfig.source}, version ${config.customConfig.version ?? 'none'}`,
  Sessions: (config) => config.store,
};

export default function aboutPage({ logo }) {
  const page = element(`
    <main class="about">
      <section class="card">
        <img src="${logo}" alt="" width="56" height="56" />
        <h1>About this deployment</h1>
        <dl></dl>
        <a href="/c/new" data-route>Back to the chat</a>
      </section>
    </main>`);
  const list = page.querySelector('dl');
  fetch('/api/config')
    .then((response) => response.json())
    .then((config) => {
      for (const [name, value] of Object.entries(ROWS)) {
        const row = element('<div><dt></dt><dd></dd></div>');
        row.querySelector('dt').textContent = name;
        row.querySelector('dd').textContent = value(config);
        list.append(row);
      }
    })
    .catch((error) => {
      list.replaceWith(`The API did not answer: ${error.message}`);
    });
  return page;
}
