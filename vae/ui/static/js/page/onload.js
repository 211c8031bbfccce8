// Gradio runs this text as a function body for every part and finds a part's own events by their quoted names here: 'fetch_images' 'cancel_fetch'
window.lxAgain
  .bring(() => import(new URL(props.boot, document.baseURI)), element)
  .then((boot) => boot.mount(element.querySelector("[data-part]"), { props, server, trigger, watch }))
  .catch((fault) => window.lxAgain.notLoaded(element, fault));
