// Gradio runs this text as a function body for every part and finds a part's own events by their quoted names here: 'fetch_images' 'cancel_fetch'
import(new URL(props.boot, document.baseURI))
  .then((boot) => boot.mount(element.querySelector("[data-part]"), { props, server, trigger, watch }))
  .catch((fault) => {
    const text = element.querySelector(".part__waiting");
    // the table itself: the module that reads it may be what has not come
    const sentence = (group, key) => JSON.parse(document.getElementById("lx-texts").textContent)[group][key];
    if (text) text.textContent = sentence("page", "not_loaded");
    console.error(fault);
  });
